"""The grammar of formulas: what it reads, how it writes it, and everything that it refuses."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.formulas.expression import Expression
from service.formulas.nodes import FUNCTIONS, Call, Name, Node, Number
from service.formulas.parser import MAX_DEPTH, MAX_LENGTH, MAX_NODES, FormulaError, parse

CANONICAL = {
    "x*sigmoid( 1.702*x )": "x * sigmoid(1.702 * x)",
    "((x))": "x",
    "+x": "x",
    "x-(1-x)": "x - (1 - x)",
    "(x-1)-x": "x - 1 - x",
    "x/(2*x)": "x / (2 * x)",
    "-x**2": "-x**2",
    "(-x)**2": "(-x)**2",
    "2**-x": "2**-x",
    "(x**2)**3": "(x**2)**3",
    "x**2**3": "x**2**3",
    "-(x+1)": "-(x + 1)",
    "1.50*x + 1e-3 + 2.": "1.5 * x + 0.001 + 2",
    "where(x>=0,x,0.2*x)": "where(x >= 0, x, 0.2 * x)",
    "clip(x,-1,1)": "clip(x, -1, 1)",
}

REFUSED = {
    "__import__('os').system('id')": (1, "'__import__' is not a known function"),
    "eval(x)": (1, "'eval' is not a known function"),
    "min(x, 1)": (1, "did you mean"),
    "x.real": (2, "'.' has no meaning"),
    "x[0]": (2, "'[' has no meaning"),
    "lambda x: x": (8, "expected an operator or the end, not 'x'"),
    "x if x else 1": (3, "expected an operator or the end, not 'if'"),
    "x; x": (2, "';' has no meaning"),
    "x = 1": (3, "the comparisons are"),
    "x^2": (2, "write ** for a power"),
    "\uff58": (1, "has no meaning"),
    "x\n.real": (3, "'.' has no meaning"),
    "'x'": (1, "has no meaning"),
    "": (1, "expected a number, a name or a parenthesis, not the end"),
    "x +": (4, "not the end"),
    "(x": (3, "expected ')', not the end"),
    "x)": (2, "expected an operator or the end, not ')'"),
    "2x": (2, "expected an operator or the end, not 'x'"),
    "exp": (1, "exp(x)"),
    "exp * x": (1, "exp(x)"),
    "exp()": (5, "expected a number"),
    "exp(x, x)": (1, "exp takes 1 argument, not 2"),
    "where(x, 1, 2)": (8, "the first argument of where is a comparison"),
    "x > 0": (3, "can only be the first argument of where"),
    "where(0 < x < 1, x, 0)": (13, "expected ')', not '<'"),
    "1e999 * x": (1, "too large"),
    "x" * (MAX_LENGTH + 1): (MAX_LENGTH + 1, "at most"),
    "(" * (MAX_DEPTH + 9) + "x" + ")" * (MAX_DEPTH + 9): (MAX_DEPTH + 1, "nest at most"),
    "-" * (MAX_DEPTH + 9) + "x": (MAX_DEPTH + 1, "nest at most"),
    "2**" * (MAX_DEPTH + 9) + "x": (3 * MAX_DEPTH + 1, "nest at most"),
    "+".join("x" * MAX_NODES): (MAX_NODES + 2, "at most 200 numbers"),
}


@pytest.mark.parametrize(("written", "canonical"), CANONICAL.items())
def test_an_expression_has_one_text(written: str, canonical: str) -> None:
    assert Expression(written) == canonical
    assert Expression(canonical).root == Expression(written).root


@pytest.mark.parametrize(("written", "refusal"), REFUSED.items(), ids=lambda value: str(value)[:20])
def test_what_is_no_expression_is_refused_at_its_place(
    written: str, refusal: tuple[int, str]
) -> None:
    with pytest.raises(FormulaError) as refused:
        parse(written)
    position, reason = refusal
    assert refused.value.position == position
    assert reason in str(refused.value)


def _deeper(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    comparison = st.builds(
        Call, st.sampled_from(["<", "<=", ">", ">="]), st.tuples(children, children)
    )
    calls = [
        st.builds(Call, st.just(name), st.tuples(*[children] * count))
        for name, count in FUNCTIONS.items()
        if name != "where"
    ]
    return st.one_of(
        st.builds(Call, st.sampled_from(["+", "-", "*", "/", "**"]), st.tuples(children, children)),
        st.builds(Call, st.just("negative"), st.tuples(children)),
        st.builds(Call, st.just("where"), st.tuples(comparison, children, children)),
        *calls,
    )


TREES: st.SearchStrategy[Node] = st.recursive(
    st.one_of(
        st.builds(Number, st.floats(0, 1e300)), st.builds(Name, st.sampled_from(["x", "b", "pi"]))
    ),
    _deeper,
    max_leaves=8,
)


@given(TREES)
def test_the_text_of_any_tree_is_read_as_that_tree(tree: Node) -> None:
    text = str(tree)
    if len(text) <= MAX_LENGTH:
        assert parse(text) == tree


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(FormulaError):
        assert parse(str(parse(text))) == parse(text)
