"""A prediction in numbers and words, or the reason why there is none."""

import math
from dataclasses import dataclass

from service.mean_field.network import UnpredictableError
from service.mean_field.prediction import LARGE_LOGITS, Prediction, Risk, predict
from service.specs.spec import RunConfig

#: Optimizers that divide a gradient by its own size, so that a small gradient alone is no obstacle.
_ADAPTIVE = frozenset({"adam", "adamw", "rmsprop", "adagrad", "nadam", "lion"})


@dataclass(frozen=True)
class Outlook:
    """What theory predicts for a configuration.

    Attributes:
        prediction: the numbers; None where theory says nothing.
        sentence: what they mean for training, or why there are none.
    """

    prediction: Prediction | None
    sentence: str


def outlook(config: RunConfig) -> Outlook:
    """Return the prediction for a configuration, or the reason why there is none."""
    try:
        found = predict(config)
    except UnpredictableError as error:
        return Outlook(None, f"No prediction: {error}")
    return Outlook(found, _sentence(found, config.optimizer.name))


def _sentence(prediction: Prediction, optimizer: str) -> str:
    words = _flow(prediction)
    if prediction.risk != "none":
        words = f"{words}: {_meaning(prediction, optimizer)}"
    return f"{words}.{' Max-pooling is neglected.' if prediction.pooled else ''}"


def _flow(prediction: Prediction) -> str:
    count = prediction.hidden_layers
    if count == 1:
        return "With one hidden layer neither signal nor gradient can be lost on the way"
    if prediction.signal == math.inf or math.isnan(prediction.gradient):
        return f"Over {count} hidden layers the signal grows beyond all numbers"
    return (
        f"Over {count} hidden layers the signal is multiplied by {prediction.signal:.2g} and the "
        f"gradient by {prediction.gradient:.2g}"
    )


def _meaning(prediction: Prediction, optimizer: str) -> str:
    if prediction.risk == Risk.EXPLODING:
        if LARGE_LOGITS < prediction.logits < math.inf:
            begins = f"its logits begin with a standard deviation of {prediction.logits:.2g}"
            if optimizer in _ADAPTIVE:
                return (
                    f"{begins}, so its first loss is large, and with {optimizer} it may not learn"
                )
            return (
                f"{begins}, so its first loss and its first steps are large, and with {optimizer} "
                "it may diverge"
            )
        if optimizer in _ADAPTIVE:
            return f"its first gradients are very large, and with {optimizer} it may not learn"
        return f"its first steps will be too large for {optimizer}, unless its rate is very small"
    limit, found = "", prediction.fixed_point
    if found.chi < 1 and prediction.hidden_layers > prediction.deepest:
        limit = (
            f" (its depth scale is {found.depth_scale:.2g} layers, and six of them are the limit)"
        )
    if optimizer in _ADAPTIVE:
        return f"it would be unlikely to train with sgd{limit}, and with {optimizer} it may not"
    return f"it is unlikely to train with {optimizer}{limit}"
