# SPDX-License-Identifier: MIT-0
"""Exceptions of the stand-in.

::

    UserError              ends the process with exit code 2 and the message alone
      HyperparameterError  a hyperparameter whose name or value is not allowed
      ChannelError         a channel that is missing, or whose records are unusable
      ModelError           a model folder that cannot be served
      AddressError         an address that the server cannot listen on

Every message says place, value, cause and remedy. Any other exception is a defect and keeps its traceback.
"""


class UserError(Exception):
    """An error that the user can correct."""


class HyperparameterError(UserError):
    """The name or the value of a hyperparameter is not allowed."""


class ChannelError(UserError):
    """A channel is missing or its records are unusable."""


class ModelError(UserError):
    """A model folder cannot be served."""


class AddressError(UserError):
    """The server cannot listen on the address."""
