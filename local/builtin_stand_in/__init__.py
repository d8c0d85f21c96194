# SPDX-License-Identifier: MIT-0
"""A stand-in for AWS's built-in `image-classification` algorithm, so that its step runs on one machine.

It is not AWS's code. It takes the same hyperparameters, channels and RecordIO files, leaves the same
model artifact and gives the same HTTP answers; the weights it learns are its own. Like a container it knows
nothing but the folder that SageMaker calls ``/opt/ml``.

Source of every name and default: SageMaker Developer Guide, "Image Classification - MXNet".
"""
