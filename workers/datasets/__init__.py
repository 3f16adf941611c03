"""Data sets: loading, verifying, splitting and preprocessing.

``loading.load`` returns a ready ``dataset.Dataset``. To add a data set, write the function that
reads its files or draws its points in a module of its own, its line in ``loading.DATASETS``, and
its entry in ``service.catalog``. A preprocessing is a function in ``datasets.preprocessings`` that
is fitted on the training part.
"""
