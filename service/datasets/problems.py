"""What can be wrong with a file, as a sentence with its place."""

from service.fields import Location


class FileError(Exception):
    """A file that cannot become a data set.

    Attributes:
        detail: what is wrong and what to do, with line and column where it has one.
        location: the parameter that mends it, as ``("query", "target")``; empty where it is the
            file that must change.
        too_large: whether a limit is passed.
    """

    def __init__(
        self, detail: str, parameter: str | None = None, *, too_large: bool = False
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.location: Location = ("query", parameter) if parameter else ()
        self.too_large = too_large


class TooLargeError(FileError):
    """A file that passes a limit, which the sentence names."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, too_large=True)


def shown(text: str, most: int = 40) -> str:
    """Return a text of a file as it is quoted: shortened, and in quotes."""
    return repr(text if len(text) <= most else text[: most - 3] + "...")
