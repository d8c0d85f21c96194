# SPDX-License-Identifier: MIT-0
"""What can go wrong here, and who mends it.

::

    UserError              ends the process with exit code 2 and the message alone
      HyperparameterError  a name or a value that the algorithm does not take
      ChannelError         a channel that is missing, or whose records cannot be trained on
      ModelError           a model folder that cannot be served
      AddressError         an address that cannot be listened on
    RequestError           one HTTP request is refused; the server goes on

Every message says place, value, cause and remedy. Anything else is a defect and keeps its traceback.
"""

from http import HTTPStatus


class UserError(Exception):
    """Something the user can mend."""


class HyperparameterError(UserError):
    """A hyperparameter's name or value is not one that the algorithm takes."""


class ChannelError(UserError):
    """A channel is missing or its records cannot be trained on."""


class ModelError(UserError):
    """A model folder cannot be served."""


class AddressError(UserError):
    """The address cannot be listened on."""


class RequestError(Exception):
    """One request is refused with an HTTP status and a message."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
