"""The words of a comparison, and the version of its rules."""

from enum import StrEnum

#: Raised when comparisons of the same runs come to other figures or words.
COMPARISON_VERSION = 2


class Word(StrEnum):
    """What a comparison says of a group of runs.

    `leads`: it has the highest mean. `worse`: it is, with p up to 5%. `equivalent`: no other is
    better by the margin. `undecided`: neither is shown. `did_not_train`: it did no better than
    guessing, with any seed. `not_reached`: it trained, and reached the target with no seed. Against
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
