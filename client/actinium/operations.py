"""Operations: methods that are written once and serve both clients.

An operation returns the description of a request. As a method of ``Client`` it returns the result;
as a method of ``AsyncClient`` it returns an awaitable. Lists become iterators or async iterators.
"""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, get_args, overload

from actinium.calls import Call, Pages

P = ParamSpec("P")
T = TypeVar("T")


class Performer(Protocol):
    """Sends requests and waits for the answers."""

    def perform(self, call: Call[T]) -> T:
        """Send a request and return its result."""

    def iterate(self, pages: Pages[T]) -> Iterator[T]:
        """Yield the items of a list, page by page."""


class AsyncPerformer(Protocol):
    """Sends requests and awaits the answers."""

    async def perform(self, call: Call[T]) -> T:
        """Send a request and return its result."""

    def iterate(self, pages: Pages[T]) -> AsyncIterator[T]:
        """Yield the items of a list, page by page."""


class operation(Generic[P, T]):  # noqa: N801 - a decorator
    """Turns a function that returns a call into a method that performs it."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Performer, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(
        self, client: AsyncPerformer, owner: type
    ) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        """Return the method of a client."""
        return self if client is None else _bound(self._describe, client, client.perform)


class listing(Generic[P, T]):  # noqa: N801 - a decorator
    """Turns a function that returns pages into a method that iterates over their items."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Pages[T]]) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Performer, owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, client: AsyncPerformer, owner: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        """Return the method of a client."""
        return self if client is None else _bound(self._describe, client, client.iterate)


def _bound(describe: Callable[..., Any], client: Any, perform: Callable[[Any], Any]) -> Any:
    @functools.wraps(describe)
    def method(*arguments: Any, **named: Any) -> Any:
        return perform(describe(client, *arguments, **named))

    # For help(): the signature of the method, not of the function behind it.
    written = inspect.signature(describe)
    _, *parameters = written.parameters.values()
    result = next(iter(get_args(written.return_annotation)), inspect.Signature.empty)
    method.__signature__ = written.replace(  # type: ignore[attr-defined]
        parameters=parameters, return_annotation=result
    )
    return method
