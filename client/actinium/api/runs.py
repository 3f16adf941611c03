"""Calls on runs: search, attempts, histories, layers, theory, diagnosis, weights, figures."""

from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any, Literal

from actinium import readers
from actinium.api.requests import (
    LARGEST_PAGE,
    download_call,
    figure_call,
    samples_of,
    saved_when_made,
    waiting_call,
)
from actinium.calls import Call, Names, Pages, Ref, as_is, get, identifier, pages, part, post
from actinium.figure import Figure, Kind, Theme
from actinium.operations import listing, operation
from actinium.types import (
    Attempt,
    Boundary,
    Confusion,
    Diagnosis,
    History,
    Layers,
    ModelPreview,
    Outputs,
    Predictions,
    Run,
    RunPrediction,
)


class Runs:
    """Operations on runs."""

    @listing
    def runs(
        self,
        experiment: Ref | None = None,
        *,
        status: Names | None = None,
        activation: Names | None = None,
        initializer: Names | None = None,
        clipping: Names | None = None,
        normalization: Names | None = None,
        outcome: Names | None = None,
        verdict: Names | None = None,
        seed: int | Collection[int] | None = None,
        order_by: str = "-created_at",
        page_size: int = 100,
    ) -> Pages[Run]:
        """Return the runs that match every filter; a filter matches any of its values.

        Args:
            experiment: the runs' experiment; if not given, runs of all experiments.
            status: a status, such as ``diverged``.
            activation: an activation's name.
            initializer: an initializer's name.
            clipping: a clipping's name.
            normalization: a normalization's name.
            outcome: what the training came to, such as ``at_chance``.
            verdict: a verdict of the diagnosis, such as ``vanishing``.
            seed: a seed.
            order_by: such as ``-val_accuracy``; ``position`` is the order within an experiment.
            page_size: runs per request.
        """
        query = {
            "experiment_id": identifier(experiment) if experiment is not None else None,
            "status": status,
            "activation": activation,
            "initializer": initializer,
            "clipping": clipping,
            "normalization": normalization,
            "outcome": outcome,
            "verdict": verdict,
            "seed": seed,
            "order_by": order_by,
            "limit": page_size,
        }
        return pages("/v1/runs", readers.read_run, query)

    @operation
    def run(self, run: Ref, *, wait: float | None = None) -> Call[Run]:
        """Return a run with its configuration, metrics and status.

        Args:
            run: the run.
            wait: seconds (at most 60) to wait for its end before the answer.
        """
        return waiting_call(f"/v1/runs/{identifier(run)}", readers.read_run, wait)

    @operation
    def cancel_run(self, run: Ref) -> Call[Run]:
        """Cancel a run: at once if it waits, within seconds if it trains."""
        return post(f"/v1/runs/{identifier(run)}/cancel", readers.read_run)

    @listing
    def attempts(self, run: Ref) -> Pages[Attempt]:
        """Return the attempts of a run: each time a worker claimed it, and how that ended."""
        return pages(f"/v1/runs/{identifier(run)}/attempts", as_is, {"limit": LARGEST_PAGE})

    @operation
    def history(
        self,
        run: Ref,
        *,
        metrics: Names | None = None,
        from_epoch: int | None = None,
        max_points: int | None = None,
    ) -> Call[History]:
        """Return a run's metrics by epoch, in columns; ``actinium.dataframe`` makes a DataFrame.

        Args:
            run: the run.
            metrics: names of metrics; if not given, all.
            from_epoch: the first epoch in the answer.
            max_points: most epochs in the answer; thinning keeps minima and maxima.
        """
        query = {"metrics": metrics, "from_epoch": from_epoch, "max_points": max_points}
        return get(f"/v1/runs/{identifier(run)}/history", readers.read_history, query)

    @operation
    def layers(self, run: Ref, *, epoch: int | None = None) -> Call[Layers]:
        """Return a run's layer statistics at an epoch; if not given, at the last with statistics.

        Epoch 0 is the network before its first step.
        """
        return get(f"/v1/runs/{identifier(run)}/layers", readers.read_layers, {"epoch": epoch})

    @operation
    def decision_boundary(self, run: Ref, *, epoch: int | None = None) -> Call[Boundary]:
        """Return the class that a run's network predicts on a grid, for data of two features.

        Args:
            run: the run.
            epoch: an epoch with layer statistics; if not given, the last.
        """
        path = f"/v1/runs/{identifier(run)}/decision_boundary"
        return get(path, as_is, {"epoch": epoch})

    @operation
    def network(self, run: Ref) -> Call[ModelPreview]:
        """Return the layers of a run's network, with their shapes and sizes."""
        return get(f"/v1/runs/{identifier(run)}/network", as_is)

    @operation
    def outputs(self, run: Ref) -> Call[Outputs]:
        """Return histograms of the true class's probability and of the losses, class by class.

        They are those of the validation part after the last epoch.
        """
        return get(f"/v1/runs/{identifier(run)}/outputs", as_is)

    @operation
    def confusion(self, run: Ref) -> Call[Confusion]:
        """Return which classes a run's network takes for which, with recall and precision.

        They are those of the validation part after the last epoch.
        """
        return get(f"/v1/runs/{identifier(run)}/confusion", as_is)

    @operation
    def diagnosis(self, run: Ref) -> Call[Diagnosis]:
        """Return what a run came to and why: outcome, verdict, and findings that name layers."""
        return get(f"/v1/runs/{identifier(run)}/diagnosis", readers.read_diagnosis)

    @operation
    def prediction(self, run: Ref) -> Call[RunPrediction]:
        """Return what theory predicts for a run's network at initialization, layer by layer."""
        return get(f"/v1/runs/{identifier(run)}/prediction", readers.read_prediction)

    @operation
    def predict(self, run: Ref, inputs: Any, *, wait: float = 60) -> Call[Predictions]:
        """Return the class and the probabilities that a run's network gives to each input.

        A worker computes them. Where it takes longer than ``wait`` the answer's ``status`` is not
        ``completed`` and its ``reason`` says why; ``predictions`` asks again.

        Args:
            run: a run that has its result.
            inputs: a data frame with the columns of the uploaded table; an array; or a list of
                samples, each a dict by column or nested lists of numbers. At most 1,000, in the
                units of the data set.
            wait: seconds (at most 60) to wait for the worker.
        """
        path = f"/v1/runs/{identifier(run)}/predictions"
        body = {"inputs": samples_of(inputs)}
        headers = {"Prefer": f"wait={wait:.0f}"}
        return post(path, as_is, body=body, headers=headers, seconds=wait)

    @operation
    def predictions(self, asked: Predictions, *, wait: float | None = None) -> Call[Predictions]:
        """Return predictions that were asked for before; they are kept for an hour.

        Args:
            asked: what ``predict`` returned.
            wait: seconds (at most 60) to wait for the worker.
        """
        path = f"/v1/runs/{part(asked['run_id'])}/predictions/{part(asked['id'])}"
        return waiting_call(path, as_is, wait)

    @operation
    def save_weights(
        self, run: Ref, path: str | Path, *, epoch: Literal[0, "last"] = "last"
    ) -> Call[Path]:
        """Write a run's weights to a safetensors file, with its configuration; return the path.

        Args:
            run: the run.
            path: the file; it appears when it is complete.
            epoch: 0 for the initial weights, ``last`` for those at the end of training.
        """
        address = f"/v1/runs/{identifier(run)}/weights"
        return download_call(address, Path(path), query={"epoch": epoch})

    @operation
    def save_onnx(self, run: Ref, path: str | Path) -> Call[Path]:
        """Write a run's network with its preprocessing to an ONNX file; return the path.

        A worker makes it when it is first asked for, which this waits for, for up to a minute.

        Args:
            run: a run that has its result.
            path: the file; it appears when it is complete.

        Raises:
            ActiniumError: no worker has made it yet; ask again.
        """
        address = f"/v1/runs/{identifier(run)}/model.onnx"
        read = partial(saved_when_made, Path(path))
        return Call("GET", address, read, headers={"Prefer": "wait=60"}, seconds=600)

    @operation
    def run_figure(
        self,
        /,
        run: Ref,
        name: str,
        *,
        kind: Kind = "svg",
        theme: Theme = "light",
        **options: Any,
    ) -> Call[Figure]:
        """Return a figure of a run.

        Args:
            run: the run.
            name: ``learning_curves``, ``layers``, ``layer_moments``, ``gradient_flow``,
                ``decision_boundary``, ``outputs`` or ``confusion``.
            kind: the format; ``gif`` is a film over the epochs, of ``layers`` or
                ``decision_boundary``.
            theme: for a light or a dark background.
            **options: options of the figure, such as ``title``, ``epoch``, ``metric``, ``y``,
                ``output``, ``inputs``, ``beside``.
        """
        folder = f"/v1/runs/{identifier(run)}/figures"
        return figure_call(f"{folder}/{part(name)}", kind, theme, options)
