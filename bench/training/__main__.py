"""``python -m bench.training features|fit|weigh|key|doubt``: from a truth set to what ships.

``features --truth F --folder D`` with autodj's Python, then ``fit --folder D --output W.npz``
with the Python of an environment that has PyTorch, from the root of the repository. ``weigh
--truth F --weights W.npz`` then prints what weighs its downbeats. ``key
--truth F --folder D --output K.npz`` is the whole training of the key, with autodj's Python;
``doubt --truth F`` prints how much less a short excerpt tells of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    # Each half runs where the other's libraries are missing.
    if options.command == "features":
        from bench.training.features import extract  # noqa: PLC0415

        extract(options.truth, options.folder)
    elif options.command == "weigh":
        from bench.training.weigh import weigh  # noqa: PLC0415

        weigh(options.truth, options.weights)
    elif options.command == "key":
        from bench.training.keys import fit_keys  # noqa: PLC0415

        fit_keys(options.truth, options.folder, options.output, options.pop909)
    elif options.command == "doubt":
        from bench.training.doubt import fit_doubt  # noqa: PLC0415

        fit_doubt(options.truth)
    else:
        from bench.training.fit import EPOCHS, fit  # noqa: PLC0415

        fit(
            options.folder,
            options.output,
            without=tuple(options.without),
            epochs=options.epochs or EPOCHS,
            threads=options.threads,
            seed=options.seed,
            teachers=options.teacher,
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    features = commands.add_parser("features", help="read the tuning part of a truth set")
    features.add_argument("--truth", type=Path, required=True)
    features.add_argument("--folder", type=Path, required=True, help="where examples are kept")
    weigh = commands.add_parser("weigh", help="fit what tells the bars to the pieces held back")
    weigh.add_argument("--truth", type=Path, required=True)
    weigh.add_argument("--weights", type=Path, required=True, help="of the network")
    key = commands.add_parser("key", help="read both parts, train on one, write the weights")
    key.add_argument("--truth", type=Path, required=True)
    key.add_argument("--folder", type=Path, required=True, help="where what was read is kept")
    key.add_argument("--output", type=Path, required=True)
    key.add_argument("--pop909", type=Path, help="the folder of POP909 that holds 001")
    doubt = commands.add_parser("doubt", help="fit how little a short excerpt tells of the key")
    doubt.add_argument("--truth", type=Path, required=True)
    fit = commands.add_parser("fit", help="train, and write the weights")
    fit.add_argument("--folder", type=Path, required=True)
    fit.add_argument("--output", type=Path, required=True)
    fit.add_argument("--without", action="append", default=[], help="a source to leave out")
    fit.add_argument("--epochs", type=float)
    fit.add_argument("--threads", type=int, default=1)
    fit.add_argument(
        "--teacher", type=Path, action="append", default=[], help="weights of another training"
    )
    fit.add_argument("--seed", type=int, default=1, help="what chance begins with")
    return parser


if __name__ == "__main__":
    main()
