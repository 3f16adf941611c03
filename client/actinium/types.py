"""Types of the service's answers: plain dicts with the names of its JSON.

Fields that a newer service adds are in the dicts, too.
"""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

from actinium.spec import Target
from actinium.statuses import ClaimStatus, ExperimentStatus, RunStatus

#: How the value of an axis is written: ``leaky_relu(negative_slope=0.2)``.
Label = str | int | None
#: How a group of a comparison is written on an axis, or on a parameter of one.
Level = Label | float
#: What a comparison says of a group.
Word = Literal[
    "leads",
    "reference",
    "better",
    "equivalent",
    "undecided",
    "worse",
    "did_not_train",
    "not_reached",
]


class RunCounts(TypedDict):
    """An experiment's runs by status."""

    total: int
    queued: int
    running: int
    completed: int
    diverged: int
    failed: int
    cancelled: int


class VaryingAxis(TypedDict):
    """An axis that varies in an experiment; ``labels`` has the first of its ``count`` labels."""

    axis: str
    count: int
    labels: list[Label]


class LeadingGroup(TypedDict):
    """What leads the usual comparison of an experiment: its mean over ``n`` seeds."""

    metric: str
    value: float
    name: str | None
    trained: int
    n: int


class Experiment(TypedDict):
    """An experiment; lists have no spec. Times are in UTC."""

    id: str
    name: str | None
    description: str | None
    tags: dict[str, str]
    note: NotRequired[str | None]
    archived: NotRequired[bool]
    status: ExperimentStatus
    runs: RunCounts
    progress: float
    eta_seconds: float | None
    #: ``low_seconds`` and ``high_seconds`` where ``eta_seconds`` is a guess.
    eta_range: dict[str, float] | None
    #: Why it has no ``eta_seconds``: runs that no worker can take, with ``reason`` and ``detail``.
    waits: dict[str, Any] | None
    created_by: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    cancelled_at: str | None
    preset: NotRequired[dict[str, str] | None]
    #: What varies, and what leads the usual comparison; ``results_of`` ended runs count for it.
    varying: list[VaryingAxis]
    best: LeadingGroup | None
    results_of: int
    spec: NotRequired[dict[str, Any]]
    submitted: NotRequired[dict[str, Any] | None]


class Changes(TypedDict, total=False):
    """What can be changed of an experiment; None removes a text, and a tag."""

    name: str | None
    description: str | None
    tags: Mapping[str, str | None] | None
    note: str | None
    archived: bool


class Prediction(TypedDict):
    """What mean-field theory predicts for a configuration; ``layers`` has a dict per layer."""

    q_star: float
    c_star: float
    chi_1: float
    depth_scale: float
    hidden_layers: int
    signal: float
    gradient: float
    risk: Literal["none", "vanishing", "exploding"]
    sentence: str
    layers: list[dict[str, Any]]


class RunPrediction(TypedDict):
    """Theory beside a run: its prediction, and why ``auto`` is its initializer; or why not."""

    initializer_reason: str | None
    prediction: Prediction | None
    prediction_reason: str | None


class PlannedConfiguration(TypedDict):
    """One configuration of a dry run, and how many runs it would have."""

    label: str | None
    labels: dict[str, Label]
    name: str
    config: dict[str, Any]
    config_hash: str
    memory_bytes: int
    runs: int
    already_trained: int
    initializer_reason: str | None
    prediction: Prediction | None
    prediction_reason: str | None


class DryRun(TypedDict):
    """What a submission would create; ``items`` is one page of its configurations."""

    runs: int
    configurations: int
    already_trained: int
    cost: dict[str, Any]
    #: When it would start and end with the workers and the queue as they are.
    forecast: dict[str, Any]
    memory_bytes: int
    worker_memory_bytes: int | None
    items: list[PlannedConfiguration]
    next_cursor: str | None


class PreviewedLayer(TypedDict):
    """One layer of a network; ``block`` is the residual block that it is in."""

    name: str
    layer: str
    pointer: str | None
    input_shape: list[int]
    output_shape: list[int]
    parameters: int
    multiply_adds: int
    block: int | None


class ModelPreview(TypedDict):
    """A network's layers, the output last, and its size."""

    layers: list[PreviewedLayer]
    parameters: int
    multiply_adds: int
    batch_size: int
    memory_bytes: int


class FinalMetrics(TypedDict):
    """Metrics of the last recorded epoch: accuracies of classes, errors and R² of numbers."""

    epoch: int
    loss: float | None
    val_loss: float | None
    test_loss: float | None
    accuracy: NotRequired[float | None]
    val_accuracy: NotRequired[float | None]
    test_accuracy: NotRequired[float | None]
    mae: NotRequired[float | None]
    rmse: NotRequired[float | None]
    val_mae: NotRequired[float | None]
    val_rmse: NotRequired[float | None]
    val_r2: NotRequired[float | None]
    test_mae: NotRequired[float | None]
    test_rmse: NotRequired[float | None]
    test_r2: NotRequired[float | None]


class BestMetrics(TypedDict):
    """The first epoch with the highest validation accuracy, or with the lowest ``val_rmse``."""

    epoch: int
    val_accuracy: NotRequired[float]
    val_rmse: NotRequired[float]


class Finding(TypedDict):
    """One finding of a diagnosis, with the value and the threshold behind it."""

    kind: str
    layer: str | None
    epoch: int
    value: float | None
    threshold: float | None
    explanation: str
    advice: str | None


class Diagnosis(TypedDict):
    """What a run's training came to, None until it has ended, and why it learns or not.

    The verdict is None without layer statistics. ``version``: of the rules that decided; None where
    an older version of the service did.
    """

    outcome: str | None
    verdict: str | None
    findings: list[Finding]
    version: int | None


class Run(TypedDict):
    """One training of one configuration with one seed.

    ``labels`` has a label per axis; ``name`` tells its configuration from the experiment's others.
    """

    id: str
    experiment_id: str
    position: int
    label: str | None
    labels: dict[str, Label]
    name: str
    config: dict[str, Any]
    config_hash: str
    seed: int
    task: Literal["classification", "regression"]
    status: RunStatus
    attempt: int
    epoch: int
    epochs: int
    ended_by: str | None
    final: FinalMetrics | None
    best: BestMetrics | None
    diagnosis: Diagnosis | None
    reused_from: str | None
    worker: str | None
    device: str | None
    error: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class Attempt(TypedDict):
    """One time a worker claimed a run, and how that ended."""

    attempt: int
    worker: str
    engine: dict[str, Any]
    started_at: str
    ended_at: str | None
    outcome: str | None
    reason: str | None


class History(TypedDict):
    """A run's metrics by epoch, in columns of one length.

    ``ended_by`` is there in the history of one run: ``early_stopping`` where it stopped early.
    """

    run_id: str
    ended_by: NotRequired[str | None]
    epoch: list[int]
    metrics: dict[str, list[float | None]]


class RunHistory(History):
    """A run's history among those of its experiment; axes hold labels, as in comparisons."""

    label: str | None
    dataset: str
    model: str
    activation: str
    initializer: str
    output_initializer: str
    bias_initializer: str
    normalization: str
    clipping: str
    optimizer: str
    dropout: str
    batch_size: int
    loss_function: str
    precision: str
    seed: int
    status: RunStatus


class Layers(TypedDict):
    """A run's layer statistics at one epoch."""

    run_id: str
    epoch: int
    epochs_available: list[int]
    also_recorded: list[str]
    samples: int
    loss: float
    chance_loss: float
    inputs: dict[str, Any] | None
    layers: list[dict[str, Any]]


class Boundary(TypedDict):
    """The class that a network predicts on a grid of points, row by row from the bottom."""

    run_id: str
    epoch: int
    epochs_available: list[int]
    extent: list[float]
    size: int
    predicted: list[int]
    confidence: list[float]
    points: list[list[float]]
    labels: list[int]


class Outputs(TypedDict):
    """What a network makes of the validation part after its last epoch, by class."""

    run_id: str
    epoch: int
    samples: int
    probability_edges: list[float]
    loss_edges: list[float]
    classes: list[dict[str, Any]]


class ClassConfusion(TypedDict):
    """How well a network knows the validation samples of one class."""

    label: int
    name: str
    count: int
    non_finite: int
    predicted: int
    right: int
    recall: float | None
    precision: float | None
    f1: float | None


class Confusion(TypedDict):
    """Which classes of the validation part a network takes for which, after its last epoch."""

    run_id: str
    epoch: int
    samples: int
    right: int
    non_finite: int
    accuracy: float | None
    balanced_accuracy: float | None
    classes: list[ClassConfusion]
    matrix: list[list[int]]


class PredictedInput(TypedDict):
    """What a network says of one input; None where its output is not finite."""

    value: float | None
    label: int | None
    name: str | None
    probabilities: list[float] | None


class Predictions(TypedDict):
    """The predictions of a run's network, or how far they are."""

    id: str
    run_id: str
    status: str
    reason: str | None
    classes: list[str]
    predictions: list[PredictedInput] | None
    created_at: str
    links: dict[str, str]


class GroupSeed(TypedDict):
    """A group's value with one seed; ``chosen`` has the levels that the other seeds chose."""

    seed: int
    value: float
    trained: bool
    reached: bool
    chosen: dict[str, Level]


class GroupDifference(TypedDict):
    """A group's mean minus that of the leader, or of the reference, with its 95% interval."""

    mean: float
    ci95: list[float]


class CurvePoint(TypedDict):
    """A group's result at one level of what is tuned."""

    levels: dict[str, Level]
    mean: float | None
    n: int
    trained: int


class GoodRange(TypedDict):
    """The levels of a tuned number around the best one that are within the margin of it."""

    low: float
    high: float
    factor: float | None
    at_edge: bool


class TuningCurve(TypedDict):
    """A group's results over what is tuned."""

    points: list[CurvePoint]
    good_range: GoodRange | None


class GroupTest(TypedDict):
    """What a group's runs gave on the test part, which no choice looked at."""

    metric: str
    n: int
    mean: float
    std: float | None


class ComparisonGroup(TypedDict):
    """The runs with the same labels on the axes of the comparison; ``n`` counts seeds."""

    by: dict[str, Level]
    word: Word | None
    statement: str
    rank: int | None
    n: int
    trained: int
    reached: int
    runs: int
    runs_trained: int
    runs_reached: int
    seeds: list[GroupSeed]
    mean: float | None
    shrunk_mean: float | None
    std: float | None
    ci95: list[float] | None
    difference: GroupDifference | None
    p_value: float | None
    seeds_needed: int | None
    chosen: dict[str, Level]
    curve: TuningCurve | None
    additive_mean: float | None
    test: GroupTest | None
    diverged: int
    unfinished: int
    missing: int


class AxisEffect(TypedDict):
    """The effect of an axis, or the interaction of two."""

    axes: list[str]
    df: int
    sum_of_squares: float | None
    omega_squared: float | None
    omega_ci95: list[float] | None
    partial_omega_squared: float | None
    generalized_eta_squared: float | None
    f: float | None
    df_test: list[float] | None
    p_value: float | None


class LevelMean(TypedDict):
    """One level of an axis, over all groups that have it; ``n`` counts values."""

    axis: str
    level: Level
    mean: float | None
    ci95: list[float] | None
    trained: int
    n: int


class SpreadComponents(TypedDict):
    """Standard deviations within configurations: of draws of the data, seeds, and single runs."""

    data: float
    seeds: float
    rest: float


class Comparison(TypedDict):
    """An experiment's configurations, best first: what the numbers show, and what not."""

    experiment_id: str
    comparison_version: int
    science_version: int
    metric: str
    at: Literal["final", "best", "mean"]
    target: Target | None
    by: list[str]
    tune: list[str]
    average: list[str]
    higher_is_better: bool
    guess: float | None
    censored: float | None
    margin: float | None
    headline: str
    notes: list[str]
    groups: list[ComparisonGroup]
    scale: Literal["raw", "logit", "log"]
    effects: list[AxisEffect]
    levels: list[LevelMean]
    components: SpreadComponents | None
    unfinished: int


class Worker(TypedDict):
    """A worker that was seen lately, and what it trains: ``runs`` is 0 while it is idle."""

    name: str
    device: Literal["cpu", "cuda"]
    processor: str | None
    memory_bytes: int | None
    started_at: str
    seen_at: str
    runs: int
    experiment_ids: list[str]
    busy_since: str | None


class QueueCaller(TypedDict):
    """The runs of a caller that wait or are trained."""

    caller: str
    queued: int
    running: int
    waiting_since: str | None


class QueueBlocked(TypedDict):
    """Queued runs that no worker can take; ``detail`` says why in a sentence."""

    device: str
    runs: int
    memory_bytes: int
    reason: Literal["no_worker", "no_device", "no_memory"]
    detail: str


class Queue(TypedDict):
    """What waits, what is trained, and what no worker can take."""

    queued: int
    running: int
    workers: int
    callers: list[QueueCaller]
    blocked: list[QueueBlocked]


class PresetClaim(TypedDict):
    """A published claim; ``status``: what its preset's full size gave, None where not run."""

    name: str
    sentence: str
    status: ClaimStatus | None
    full: dict[str, Any] | None
    small: dict[str, Any] | None


class Preset(TypedDict):
    """Published claims with the spec that tests them, at its full and its small size."""

    name: str
    title: str
    description: str
    source: dict[str, str]
    spec: dict[str, Any]
    small_spec: dict[str, Any]
    validates_on_test: bool
    full_run: dict[str, Any] | None
    small_run: dict[str, Any] | None
    claims: list[PresetClaim]


class ClaimEvidence(TypedDict):
    """A claim, and what an experiment shows about it.

    ``post_hoc``: results could be seen before it was made. ``p_value`` is corrected for the number
    of claims; None for published claims, and where nothing was tested.
    """

    name: str
    sentence: str
    registered: Literal["published", "before the first run", "after some runs", "later"]
    post_hoc: bool
    status: ClaimStatus
    full_size: ClaimStatus | None
    p_value: float | None
    reason: str
    measure: str | None
    low: float | None
    high: float | None
    groups: list[dict[str, Any]]
    differences: list[dict[str, Any]]


class Claims(TypedDict):
    """The claims of an experiment's preset and of its author, tested on it."""

    experiment_id: str
    preset: str | None
    size: Literal["full", "small"] | None
    claims: list[ClaimEvidence]


class AdviceSentence(TypedDict):
    """A sentence of advice with its source, or with the claim of a preset that shows it."""

    text: str
    source: dict[str, str] | None
    claim: dict[str, str] | None


class Advice(TypedDict):
    """What is known of an entry of the catalog."""

    solved: list[AdviceSentence]
    strengths: list[AdviceSentence]
    remains: list[AdviceSentence]
    use_when: list[AdviceSentence]


class CatalogEntry(TypedDict):
    """One value of an axis."""

    axis: str
    name: str
    aliases: list[str]
    meaning: str
    formula: str
    parameters: list[dict[str, Any]]
    source: dict[str, str]
    advice: Advice | None


class CatalogAxis(TypedDict):
    """One axis and its values."""

    axis: str
    meaning: str
    items: list[CatalogEntry]


class Metric(TypedDict):
    """A metric of runs: how it is written, and whether higher or lower is better, if either."""

    name: str
    title: str
    kind: Literal["share", "loss", "seconds", "other"]
    direction: Literal["higher", "lower"] | None
    when: Literal["epoch", "end"]
    quantity: str
    part: Literal["training", "validation", "test"] | None
    counts: Literal["samples", "outputs"] | None
    in_final: bool
    task: Literal["classification", "regression"] | None
    in_every_run: bool


class Event(TypedDict):
    """One event; ``id`` is None for progress within an epoch, which is not stored."""

    id: int | None
    type: str
    data: dict[str, Any]


class DatasetSummary(TypedDict):
    """One uploaded data set, in short."""

    id: str
    name: str
    tags: dict[str, str]
    sha256: str
    bytes: int
    task: Literal["classification", "binary", "regression"]
    input_shape: list[int]
    train_count: int
    test_count: int
    classes: int
    created_by: str
    created_at: str
    links: dict[str, str]


class Dataset(TypedDict):
    """An uploaded data set, and what was understood of its file; in a dry run ``id`` is None."""

    id: str | None
    name: str
    description: str | None
    tags: dict[str, str]
    sha256: str
    bytes: int
    created_by: str | None
    created_at: str | None
    format: str
    details: dict[str, str | bool]
    task: Literal["classification", "binary", "regression"]
    target: str | None
    input_shape: list[int]
    train_count: int
    test_count: int
    classes: list[dict[str, Any]]
    targets: dict[str, float] | None
    features: list[dict[str, Any]]
    inputs: list[str]
    left_out: list[dict[str, str]]
    missing: Literal["refuse", "impute", "drop"]
    dropped_rows: int
    filled_values: int
    split: dict[str, Any]
    preview: dict[str, Any]
    notes: list[str]
    links: dict[str, str] | None
