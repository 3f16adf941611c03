"""The metrics of a history."""

#: The metrics of one epoch, in the order histories show them. Each is a column.
METRICS = (
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "binary_accuracy",
    "val_binary_accuracy",
    "learning_rate",
    "gradient_norm",
    "clipped_fraction",
    "epoch_seconds",
)


#: What a run's own row tells of its history: the last epoch's metrics, the best, the test's.
RESULT_COLUMNS = (
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "best_epoch",
    "best_val_accuracy",
    "test_loss",
    "test_accuracy",
)
