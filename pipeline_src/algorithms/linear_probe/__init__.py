# SPDX-License-Identifier: MIT-0
"""Algorithm `linear_probe`: a frozen, pretrained backbone and a multinomial logistic head."""
