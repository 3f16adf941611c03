"""Members that MLflow's clients read from a problem: ``error_code`` and ``message``."""

#: The path below which answers have the form of MLflow's API.
PREFIX = "/api/2.0/mlflow"

_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    405: "ENDPOINT_NOT_FOUND",
    409: "RESOURCE_CONFLICT",
    413: "INVALID_PARAMETER_VALUE",
    415: "INVALID_PARAMETER_VALUE",
    422: "INVALID_PARAMETER_VALUE",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
}


def members(path: str, status: int, detail: str) -> dict[str, str]:
    """Return the extra members of a problem below MLflow's path; none elsewhere.

    RFC 9457 lets a problem have members of its own (section 3.2).
    """
    if not path.startswith(PREFIX):
        return {}
    return {"error_code": _CODES.get(status, "INTERNAL_ERROR"), "message": detail}
