"""Precisions: the type of the numbers that products multiply."""

from service.catalog.entry import Entry, Source

#: Precisions that need a CUDA device.
CUDA_ONLY = ("tf32", "float16")

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="float32",
        meaning="All numbers have 24 significant bits.",
        formula=r"y = W x, \quad |\delta| \le 2^{-24}",
        source=Source("IEEE 754-2019, binary32", "https://doi.org/10.1109/IEEESTD.2019.8766229"),
    ),
    Entry(
        name="bfloat16",
        meaning="Dense layers, convolutions and recurrent cells multiply numbers of 8 significant "
        "bits and the range of float32, and sum in float32; results are rounded too. Everything "
        "else stays float32: weights, optimizer, activations, normalizations, losses. Several "
        "times faster on processors with instructions for it (avx512_bf16, amx_bf16) and on GPUs; "
        "elsewhere the same numbers are computed by float32 products, which takes 1.0 to 1.3 times "
        "as long as float32, in recurrent networks up to twice as long.",
        formula=r"y = b(b(W)\, b(x)), \quad |b(v) - v| \le 2^{-8} |v|",
        source=Source(
            "Kalamkar et al. 2019, A study of bfloat16 for deep learning training, section 3",
            "https://arxiv.org/abs/1905.12322",
        ),
    ),
    Entry(
        name="tf32",
        meaning="On CUDA devices only. Products read float32 numbers rounded to 11 significant "
        "bits, and sum and answer in float32. Several times faster than float32 on GPUs that have "
        "it; elsewhere it is float32.",
        formula=r"y = t(W)\, t(x), \quad |t(v) - v| \le 2^{-11} |v|",
        source=Source(
            "NVIDIA 2020, A100 tensor core GPU architecture, TF32",
            "https://docs.nvidia.com/cuda/ampere-tuning-guide/",
        ),
    ),
    Entry(
        name="float16",
        meaning="On CUDA devices only. Products multiply numbers of 11 significant bits, from 6e-8 "
        "to 65,504, and sum in float32; results are rounded too. The loss is scaled so "
        "that small gradients do not become zero: the scale begins at 65,536, is halved where a "
        "gradient is not finite (that step is skipped), and doubled after 2,000 steps without. "
        "Everything else stays float32. As fast as bfloat16 on most GPUs.",
        formula=r"y = h(h(W)\, h(x)), \quad |h(v) - v| \le 2^{-11} |v|",
        source=Source(
            "Micikevicius et al. 2018, Mixed precision training, section 3",
            "https://arxiv.org/abs/1710.03740",
        ),
    ),
)
