"""Which files this process opens: what a computation really read, whatever its description says.

A hook of the interpreter (`sys.addaudithook`, PEP 578) sees every `open`, import, listing and database of Python
code, of every thread and from every library that opens through Python: `pathlib`, `numpy.memmap`,
`pandas.read_csv`, `torch.load` of a file object, compiled modules (a `.pyc` stands for its source).

It does not see what a compiled library opens by itself (safetensors, `tokenizers`, pyarrow, `torch.load` of a
path), nor what another program opens. The first shows in the process's memory map for as long as it is mapped
(`mapped_files`, which `Opened.read_under` adds on Linux), and any code may say so: `announce(path)`. Of the
second `Opened.programs` keeps the names, so that nobody takes silence for proof. A forked child keeps a record of
its own, which is lost with it. Questions that open nothing (`stat`, "does it exist?") are not seen either.
"""

from resnetbk.repro.opened_files.places import imported_files, mapped_files
from resnetbk.repro.opened_files.record import Opened, announce, not_an_input, record_opened_files

__all__ = ["Opened", "announce", "imported_files", "mapped_files", "not_an_input", "record_opened_files"]
