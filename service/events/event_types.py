"""Types of events."""

#: What can be subscribed to, and when each happens.
EVENTS = {
    "experiment.created": "An experiment was submitted.",
    "run.finished": "A run ended, in any way: completed, diverged, failed or cancelled.",
    "experiment.finished": "No run of an experiment is left to be done.",
}


#: A message that tells of nothing but that messages arrive; sent on demand, subscribed or not.
PING = "webhook.ping"
