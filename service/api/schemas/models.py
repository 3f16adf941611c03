"""Previews of networks as the API answers them."""

from collections.abc import Sequence
from typing import Self

from pydantic import Field

from service.api.schemas.base import ApiAnswer
from service.api.web import pointers
from service.fields import Location
from service.specs.previews import NetworkPreview
from service.specs.sizes import LayerSize


class PreviewedLayer(ApiAnswer):
    """One layer of a network; shapes are [channels, height, width] of images, or [features]."""

    name: str = Field(
        description="As in layer statistics and weights; of a layer that has neither, its `layer`."
    )
    layer: str = Field(description="An entry of the catalog's axis `layer`.")
    pointer: str | None = Field(
        description="JSON pointer to the declared layer; null where the model is no list of layers."
    )
    input_shape: list[int]
    output_shape: list[int]
    parameters: int = Field(
        description="All that it learns, with those of its normalization and activation."
    )
    multiply_adds: int = Field(description="Of one sample's forward pass.")
    block: int | None = Field(
        description="The residual block it is in, counted from 0: its shortcut, its inside, and "
        "the sum. Null outside of blocks."
    )

    @classmethod
    def of(cls, size: LayerSize, *, block: int | None, declared: bool) -> Self:
        """Return the answer for a layer; ``declared``: the body has its place."""
        has_place = declared and bool(size.place)
        return cls(
            name=size.name,
            layer=size.layer,
            pointer=pointers.write(["model", *size.place]) if has_place else None,
            input_shape=list(size.inputs),
            output_shape=list(size.outputs),
            parameters=size.parameters,
            multiply_adds=size.multiply_adds,
            block=block,
        )


class ModelPreview(ApiAnswer):
    """A network's layers in the order in which they compute, the output last."""

    layers: list[PreviewedLayer]
    parameters: int
    multiply_adds: int = Field(description="Of one sample's forward pass.")
    batch_size: int
    memory_bytes: int = Field(description="Of its training: an estimate.")

    @classmethod
    def of(cls, preview: NetworkPreview, *, declared: bool) -> Self:
        """Return the answer for a preview."""
        sizes = preview.sizes
        blocks = [layer.place for layer in sizes.layers if layer.layer == "residual"]
        return cls(
            layers=[
                PreviewedLayer.of(layer, block=_block(layer, blocks), declared=declared)
                for layer in sizes.layers
            ],
            parameters=sizes.parameters,
            multiply_adds=sizes.multiply_adds,
            batch_size=preview.batch_size,
            memory_bytes=preview.memory_bytes,
        )


def _block(layer: LayerSize, blocks: Sequence[Location]) -> int | None:
    """Return which of the residual blocks, by their places, a layer is in."""
    return next(
        (
            number
            for number, place in enumerate(blocks)
            if place == layer.place[: len(place)] and place
        ),
        None,
    )
