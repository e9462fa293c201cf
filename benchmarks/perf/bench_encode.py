"""How good the estimate of tokens is, and how long the texts of real bodies are.

Trains byte-pair tokenizers of several sizes from scratch on half of the Verilog files of the given folders, and counts
what they make of the other half and of the texts of `rtlgen graph text` for every body of one design.

    python benchmarks/perf/bench_encode.py [--corpus FOLDER... --top NAME FILE...]

By default: the installed packages `pythondata-cpu-*`, and serv. Needs the package `tokenizers`.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rtlgen.core.errors import InputError
from rtlgen.graphs.elaborate.hierarchy import Hierarchy
from rtlgen.graphs.elaborate.names import Places
from rtlgen.graphs.encode.cfg import encode_cfg
from rtlgen.graphs.encode.dfg import encode_dfg
from rtlgen.graphs.encode.outline import encode_ast
from rtlgen.graphs.encode.tokens import estimate
from rtlgen.graphs.frontend.slang import elaborate

CORES = ("blackparrot", "cv32e40p", "cva6", "ibex", "mor1kx", "serv")
SIZES = (4_000, 16_000, 32_000)
MAX_BYTES = 400_000


def main() -> None:
    """Train, count, print."""
    arguments = _arguments()
    missing = [n for n in ("tokenizers", *([] if arguments.files else ["pythondata_cpu_serv"])) if not find_spec(n)]
    if missing:
        print(f"not measured: {', '.join(missing)} not installed")
        return
    if not arguments.files:
        arguments.files = [f for f in sorted((_package("serv") / "verilog/rtl").glob("*.v")) if "synth" not in f.name]
    corpus = _corpus(arguments.corpus or [_package(name) for name in CORES if find_spec(f"pythondata_cpu_{name}")])
    learned, held_out = corpus[::2], corpus[1::2]
    texts = _texts(arguments.files, arguments.top)
    print(f"{len(learned)} files to train on, {len(held_out)} to count; {len(texts['dfg'])} bodies")
    for size in SIZES:
        tokenizer = _trained(learned, size)
        for what, counted in {"verilog": held_out, **texts}.items():
            ratios = sorted(estimate(t) / max(len(tokenizer.encode(t).ids), 1) for t in counted if t.strip())
            points = [ratios[int(q * (len(ratios) - 1))] for q in (0, 0.05, 0.5, 0.95, 1)]
            print(f"vocabulary {size:6}  {what:8} estimate / count: " + "  ".join(f"{p:.2f}" for p in points))


def _package(core: str) -> Path:
    spec = find_spec(f"pythondata_cpu_{core}")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", nargs="+", type=Path)
    parser.add_argument("--top", default="serv_rf_top")
    parser.add_argument("files", nargs="*", type=Path)
    return parser.parse_args()


def _corpus(folders: Iterable[Path]) -> list[str]:
    files = sorted(f for folder in folders for ending in ("*.v", "*.sv") for f in folder.rglob(ending))
    files = [f for f in files if f.is_file() and f.stat().st_size < MAX_BYTES]
    random.Random(1).shuffle(files)
    return [f.read_text(errors="replace") for f in files]


def _texts(files: list[Path], top: str) -> dict[str, list[str]]:
    design = elaborate({str(f): f.read_bytes() for f in files}, top=top)
    found = Hierarchy(Places(design.manager)).run([design.top]).bodies.values()
    bodies = [body for body in found if body is not None]
    texts: dict[str, list[str]] = {"dfg": [], "cfg": [], "ast": []}
    start = time.perf_counter()
    for body in bodies:
        texts["dfg"].append(encode_dfg(body).text)
        texts["cfg"].append(encode_cfg(body).text)
    for body in bodies:
        try:
            texts["ast"].append(encode_ast(Path(body.path).read_text(errors="replace"), body.definition).text)
        except (InputError, OSError) as error:
            print(f"{body.definition}: {error}")
    print(f"{sum(map(len, texts.values()))} texts in {time.perf_counter() - start:.2f} s")
    return texts


def _trained(texts: list[str], size: int) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


if __name__ == "__main__":
    main()
