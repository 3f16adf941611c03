"""Calls on uploaded data sets: upload, list, read, delete."""

import io
import zipfile
from pathlib import Path
from typing import Any, Unpack

from actinium.api.requests import nothing
from actinium.calls import Call, Pages, Ref, as_is, get, identifier, pages, plain, post
from actinium.operations import listing, operation
from actinium.spec import UploadFields
from actinium.types import Dataset, DatasetSummary

_UPLOAD_SECONDS = 900.0


class Datasets:
    """Operations on uploaded data sets."""

    @operation
    def upload(
        self,
        data: Any,
        /,
        *,
        test: Any = None,
        dry_run: bool = False,
        **fields: Unpack[UploadFields],
    ) -> Call[Dataset]:
        """Upload a data set and return what was understood of it; the same data are stored once.

        Args:
            data: a file (its path, or its content as bytes), or a data frame.
            test: a second file or data frame of the same columns: the test part.
            dry_run: return what is understood, and store nothing.
            **fields: what the data mean: ``target``, ``missing``, ``leave_out`` and so on
                (docs/howto/own-data.md).

        Raises:
            TypeError: the data are neither a file nor a data frame.
        """
        query: dict[str, Any] = dict(fields)
        tags = query.pop("tags", None) or {}
        query["tag"] = [f"{key}:{value}" for key, value in tags.items()] or None
        query["dry_run"] = True if dry_run else None
        upload = _body(data) if test is None else _two(data, test)
        if "name" not in query and isinstance(data, str | Path):
            query["name"] = Path(data).name.partition(".")[0]
        return post(
            "/v1/datasets", as_is, query=plain(query), upload=upload, seconds=_UPLOAD_SECONDS
        )

    @listing
    def datasets(self, *, page_size: int = 50) -> Pages[DatasetSummary]:
        """Return the uploaded data sets, newest first."""
        return pages("/v1/datasets", as_is, {"limit": page_size})

    @operation
    def dataset(self, dataset: Ref) -> Call[Dataset]:
        """Return an uploaded data set, with everything that was understood of it."""
        return get(f"/v1/datasets/{identifier(dataset)}", as_is)

    @operation
    def delete_dataset(self, dataset: Ref) -> Call[None]:
        """Delete an uploaded data set; runs that were trained on it stay readable."""
        return Call("DELETE", f"/v1/datasets/{identifier(dataset)}", nothing)


def _body(data: Any) -> Path | bytes:
    """Return the body of an upload: a file, or the content of one."""
    if isinstance(data, str | Path):
        return Path(data)
    if isinstance(data, bytes):
        return data
    if hasattr(data, "to_csv"):  # of pandas
        return str(data.to_csv(index=False)).encode()
    if hasattr(data, "write_csv"):  # of polars
        return str(data.write_csv()).encode()
    raise TypeError(f"A path, bytes or a data frame is needed, not {type(data).__name__}.")


def _two(train: Any, test: Any) -> bytes:
    """Return a zip of two tables."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (("train", train), ("test", test)):
            body = _body(data)
            suffix = body.suffix if isinstance(body, Path) else ".csv"
            content = body.read_bytes() if isinstance(body, Path) else body
            archive.writestr(f"{name}{suffix}", content)
    return file.getvalue()
