"""Speed of the acceptability rules: encounters validated on one core.

    python benchmarks/acceptability.py [ENCOUNTERS]

The encounters of the demo charts, validated for one enrollment each, over and over until there are 100,000 of them
(or as many as named). No public peer validates encounters, so there is no ratio: the measure is 100,000 in under 60 s.
"""

import resource
import sys
import time
from datetime import date
from itertools import cycle
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:] = [str(ROOT), *(path for path in sys.path if Path(path).resolve() != Path(__file__).parent)]

from coding.acceptability import assess  # noqa: E402
from coding.intake.chart_file import read_line  # noqa: E402

CHARTS = ROOT / "data" / "demo" / "charts.jsonl"
TODAY = date(2026, 11, 28)


def main() -> None:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    lines = CHARTS.read_bytes().splitlines()
    charts = [read_line(line, number) for number, line in enumerate(lines, start=1) if line.strip()]
    letters = [len(note.text) for chart in charts for one in chart.encounters for note in one.notes]
    for _ in assess(charts[0], TODAY):  # the rule book is read once per process
        pass
    done, start = 0, time.process_time()
    for chart in cycle(charts):
        done += sum(1 for _ in assess(chart, TODAY))
        if done >= wanted:
            break
    seconds = time.process_time() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{done:,} encounters with all checks in {seconds:.1f} s of one core: {1e6 * seconds / done:.0f} µs each")
    print(f"{len(letters)} different notes of {sum(letters) // len(letters)} letters on average; {memory} MiB")


if __name__ == "__main__":
    main()
