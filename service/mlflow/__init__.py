"""Reading our experiments the way MLflow's clients do: its names, its search, its shapes.

docs/mlflow.md says what stands for what.
"""
