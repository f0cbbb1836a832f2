#!/usr/bin/env python3
"""Draws sample-price-list.pdf from sample-price-list.csv, the way a spreadsheet prints a sheet.

Needs reportlab (`pip install reportlab`) and the Liberation fonts (`apt-get install fonts-liberation`).
The same CSV, fonts and reportlab give the same bytes. To change the list, edit the CSV and run this again:

    python3 data/sample-price-list.py
"""

import csv
from pathlib import Path

from reportlab import rl_config
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import LongTable, SimpleDocTemplate

FONTS = Path("/usr/share/fonts/truetype/liberation")
SIZE = 9
# ID, Марка, Модель, Год, Описание; in points.
WIDTHS = [44, 112, 206, 76, 322]
PADDING = 4


def is_number(cell):
    """Spreadsheets align numbers right and everything else left; "001" was typed as text."""
    return cell.removeprefix("-").isdigit() and not cell.startswith("0")


def wrapped(row):
    """The row with line breaks where a cell is wider than its column."""
    return [
        "\n".join(simpleSplit(cell, "Sheet", SIZE, width - 2 * PADDING))
        for cell, width in zip(row, WIDTHS, strict=True)
    ]


def main():
    rl_config.useA85 = 0  # plain Flate streams: a fifth smaller
    pdfmetrics.registerFont(TTFont("Sheet", FONTS / "LiberationSans-Regular.ttf"))
    pdfmetrics.registerFont(TTFont("Sheet-Bold", FONTS / "LiberationSans-Bold.ttf"))

    source = Path(__file__).with_suffix(".csv")
    with source.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))

    style = [
        ("FONT", (0, 0), (-1, -1), "Sheet", SIZE, SIZE + 2),
        ("FONT", (0, 0), (-1, 0), "Sheet-Bold", SIZE, SIZE + 2),
        ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#EFEFEF")),
        ("GRID", (0, 0), (-1, -1), 0.4, colors.HexColor("#B7B7B7")),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("LEFTPADDING", (0, 0), (-1, -1), PADDING),
        ("RIGHTPADDING", (0, 0), (-1, -1), PADDING),
        ("TOPPADDING", (0, 0), (-1, -1), PADDING),
        ("BOTTOMPADDING", (0, 0), (-1, -1), PADDING),
    ]
    style += [
        ("ALIGN", (x, y), (x, y), "RIGHT")
        for y, row in enumerate(rows)
        for x, cell in enumerate(row)
        if is_number(cell)
    ]

    document = SimpleDocTemplate(
        str(source.with_suffix(".pdf")),
        pagesize=landscape(A4),
        leftMargin=36,
        rightMargin=36,
        topMargin=36,
        bottomMargin=36,
        title="Прайс-лист",
        initialFontName="Sheet",
        invariant=1,
    )
    document.build([LongTable([wrapped(row) for row in rows], WIDTHS, style=style, repeatRows=1)])


if __name__ == "__main__":
    main()
