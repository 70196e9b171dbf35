"""Write the golden files of estimators: `python tests/io/make_golden_estimators.py`.

Like those of make_golden.py they are made once for each version of the format, and stay.
"""

import json

from make_golden import GOLDEN, told
from saved_estimators import CUSTOM, X, estimators, fitted, state_of

from gdcore.io.container import VERSION

STATES = GOLDEN / f"v{VERSION}_estimators.json"


def said(est):
    """Everything that an estimator holds, and what a classifier predicts."""
    found = told({"parameters": {k: str(v).partition(" at 0x")[0] for k, v in est.get_params(deep=False).items()}})
    found |= told({"state": state_of(est)})
    return found | ({"predicts": repr(est.predict(X).tolist())} if "classes_" in vars(est) else {})


if __name__ == "__main__":
    states = {}
    for name, est, y in estimators():
        fitted(est, y)
        est.save(GOLDEN / f"v{VERSION}_estimator_{name}.gdc", custom=CUSTOM)
        states[name] = said(est)
    STATES.write_text(json.dumps(states, indent=1) + "\n", encoding="utf-8")
