"""The words of a comparison, and the version of its rules."""

from enum import StrEnum

#: Raised when comparisons of the same runs come to other figures or words.
COMPARISON_VERSION = 3


class Word(StrEnum):
    """What a comparison says of a group of runs.

    `leads`: it has the highest mean. `worse`: it is, with p up to 5%. `equivalent`: no other is
    better by the margin. `undecided`: neither is shown. `did_not_train`: none of its runs did
    better than guessing. `not_reached`: some trained, and none of those reached the target. Against
    a group that was named: that one is the `reference`, and others can be `better`.
    """

    LEADS = "leads"
    REFERENCE = "reference"
    BETTER = "better"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"
    WORSE = "worse"
    DID_NOT_TRAIN = "did_not_train"
    NOT_REACHED = "not_reached"
