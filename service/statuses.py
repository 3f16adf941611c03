"""Statuses: how runs, experiments, attempts and deliveries can stand."""

#: How a run can stand. The last four are endings.
RUN_STATUSES = ("queued", "running", "completed", "diverged", "failed", "cancelled")


ENDED = ("completed", "diverged", "failed", "cancelled")


#: Those before an ending.
ACTIVE = ("queued", "running")


#: Endings with a result: never changed again.
FINISHED = ("completed", "diverged")


#: What a run can be diagnosed as, from the least to the most severe.
VERDICTS = ("healthy", "vanishing", "exploding", "saturated", "dead", "symmetric", "diverged")


#: How an attempt can end. ``lost``: its lease expired; ``released``: a stopping worker gave
#: the run back; ``error``: our failure.
ATTEMPT_OUTCOMES = (*ENDED, "lost", "released", "error")


#: How an experiment can stand.
EXPERIMENT_STATUSES = ("queued", "running", "completed", "failed", "cancelled")


#: How a delivery can stand. ``failed``: nothing will be tried any more.
DELIVERY_STATUSES = ("pending", "delivered", "failed")
