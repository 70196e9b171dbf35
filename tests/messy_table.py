"""A table with everything that real files have: a mark, CRLF, empty lines, quotes, gaps, dates, ids, doubles."""

import numpy as np

CITIES = ("Ulm", "Bonn", 'Ort, der "Stadt"', "Köln")


def messy(n=120, seed=0, skip_level=None):
    """Bytes of a CSV whose price depends on size, city and date; line 1 is empty, line 2 has the names."""
    rng = np.random.default_rng(seed)
    lines = ["", "id,size,city,built,country,,size,price,comment"]
    for i in range(n):
        size = rng.uniform(20, 200)
        at = rng.integers(len(CITIES))
        if CITIES[at] == skip_level:
            at = 0
        month = rng.integers(1, 13)
        price = 3 * size + 100 * at + 5 * month + rng.normal()
        city = '"' + CITIES[at].replace('"', '""') + '"'
        cells = [100 + 7 * i, f"{size:.2f}", city, f"2020-{month:02d}-15", "DE", f"{rng.normal():.3f}", f"{size:.0f}"]
        cells += [f"{price:.1f}", f"row {i} as it is"]
        if i == 3:
            cells[1] = ""
        if i == 5:
            cells[2] = "NA"
        if i == 7:
            cells[7] = "?"
        lines.append(",".join(map(str, cells)))
        if i == 10:
            lines += ["", " "]
    return b"\xef\xbb\xbf" + "\r\n".join([*lines, ""]).encode()
