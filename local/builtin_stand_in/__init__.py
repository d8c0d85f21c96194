# SPDX-License-Identifier: MIT-0
"""A stand-in for AWS's built-in `image-classification` algorithm, so that its steps run on one machine.

It is not AWS's code. It reads hyperparameters, channels and RecordIO files of the same formats, writes a model artifact
of the same format and gives the same HTTP answers; the weights are its own. Like a container, it reads and writes only
below the folder that SageMaker calls ``/opt/ml``. It runs in an environment of its own (requirements.in, Python 3.11).

Source of every name and default: SageMaker Developer Guide, "Image Classification - MXNet".
"""
