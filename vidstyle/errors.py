"""The errors a user can act on.

VidstyleError
├── SettingsError   an option has a value that cannot be used
├── SourceError     an input is missing, unreadable or of the wrong kind
├── SinkError       an output cannot be written
├── JobError        a job's work folder is in use, broken, or of another job; a cluster cannot do it
│   └── StorageError    the files of a job cannot be read or written where the machines of a cluster find them
├── PaintingError   an image cannot be painted: no memory for it, or a loss that is no number
└── WeightsError    the network's filters are missing, broken or do not fit

Each message is one sentence that says what failed, what was found, and what to do next. Only the front
ends in ``vidstyle.apps`` catch these and turn them into a line and an exit code.
"""


class VidstyleError(Exception):
    """Base of all errors that a user can act on."""


class SettingsError(VidstyleError):
    """An option has a value that cannot be used."""


class SourceError(VidstyleError):
    """An input is missing, unreadable or of the wrong kind."""


class SinkError(VidstyleError):
    """An output cannot be written."""


class JobError(VidstyleError):
    """A job's work folder is in use, broken, or of another job, or a cluster cannot do it."""


class StorageError(JobError):
    """The files of a job cannot be read or written where the machines of a cluster find them."""


class PaintingError(VidstyleError):
    """An image cannot be painted: there is no memory for it, or its loss is no number."""


class WeightsError(VidstyleError):
    """The network's filters are missing, broken or do not fit."""
