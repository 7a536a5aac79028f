# SPDX-License-Identifier: GPL-2.0-only
"""README's table of hooks by kernel, out of what `shutwatch check --json` said on each."""

import datetime

BEGIN, END = "<!-- hooks -->\n", "<!-- /hooks -->\n"


def _label(kernel):
    """"6.12.117+deb12-amd64" -> "6.12"."""
    return ".".join(kernel.split("-")[0].split(".")[:2])


def _rows(report):
    return {(hook["hook"], hook["program"]): hook for hook in report["hooks"]}


def table(reports):
    """Markdown; oldest kernel first."""
    reports = sorted(reports, key=lambda r: [int(part) for part in _label(r["kernel"]).split(".")])
    lines = ["| hook | program | " + " | ".join(_label(r["kernel"]) for r in reports) + " |",
             "|---|---|" + "---|" * len(reports)]
    by_kernel = [_rows(report) for report in reports]
    for key in by_kernel[0]:
        states = " | ".join(rows[key]["state"] for rows in by_kernel)
        lines.append(f"| `{key[0]}` | `{key[1]}` | {states} |")
    kernels = ", ".join(report["kernel"] for report in reports)
    today = datetime.date.today()
    lines += ["", f"(`shutwatch check --json` as `make check-vm` runs it, {today}, on",
              f"Linux {kernels}.)"]
    return "\n".join(lines) + "\n"


def write(readme, reports):
    """Between the markers."""
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{readme} has no {BEGIN.strip()} … {END.strip()}")
    readme.write_text(before + begin + table(reports) + end + after, encoding="utf-8")
