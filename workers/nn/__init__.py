"""The science library: what networks are made of, as torch functions.

Imports torch, numpy and the standard library only. Each module is about one axis of a specification
and ends with its registry: a plain dict from a name of the catalog to the function that takes that
entry's parameters, all by keyword and without defaults (those are in the catalog). So
``ACTIVATIONS["leaky_relu"](negative_slope=0.2)``.

To add a value, write its function here, its line in the registry below it, and its entry in
``service.catalog``.
"""
