"""Pictures as use-cases: each reads what a figure needs and draws it."""
