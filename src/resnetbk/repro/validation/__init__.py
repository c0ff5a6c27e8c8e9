"""Does a project have what it takes to be reproduced? A list of checks that read its files and run nothing.

`validate_template_structure` is the entry; `checks.py` lists the checks with their points. Code is read by names,
so a call that is put together at run time escapes. A full score says that nothing is missing, not that the bits
are the same: that is shown by running the pipeline again.
"""

from resnetbk.repro.validation.checks import CHECKS, validate_template_structure
from resnetbk.repro.validation.result import Check, Outcome, Validation

__all__ = ["CHECKS", "Check", "Outcome", "Validation", "validate_template_structure"]
