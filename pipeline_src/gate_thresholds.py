# SPDX-License-Identifier: MIT-0
"""The thresholds of the gate, and the reasons for them. Standard library only.

Sources of the values of `default` (HAM10000 has 10,015 images; a fifth of its lesions is the test split):

- Balanced accuracy 0.70. Always predicting "nv" reaches 0.143 (one class of seven) while its plain accuracy is 0.669,
  so there is no requirement on plain accuracy. Published ResNet-18 results on lesion-disjoint splits lie at 0.60 to
  0.78, the best entry of ISIC 2018 Task 3 at 0.885 (https://challenge.isic-archive.com/leaderboards/2018/): 0.70
  requires the better half of what this network reaches. On such a test set (simulated: 2,003 images of 1,495 lesions,
  of which 15 dermatofibromas) the interval extends about 0.065 down and 0.045 up. A lower end of 0.62 therefore rejects
  only a model that was measured on fewer lesions.
- Melanoma sensitivity 0.80 at the operating point, which is chosen on validation images for 0.85. The difference of
  0.05 allows for chance: with about 165 validation and 220 test melanomas the two shares differ with a standard
  deviation of 0.037 (binomial), so one adequate model in eleven is still rejected. A lower threshold would accept worse
  models. Lower end 0.70: the lower end of 0.80 on the 123 lesions that 220 images show in that simulation (0.07), and
  a small allowance.
- Melanoma specificity 0.60 at the same point. Predicting melanoma for every image gives any sensitivity. Published
  networks of this kind have an AUC of 0.85 to 0.92 for melanoma and 20 to 35 % false alarms at a sensitivity of 0.85.
- Malignant sensitivity 0.70: the share of malignant images (melanomas, basal cell and actinic carcinomas) whose most
  probable class is malignant. Confusing one malignant class with another counts as found.
- Class sensitivity 0.40: no diagnosis may be sacrificed for the others. The rarest class has about 23 test images and
  a standard error of 0.10 at 0.40, so chance would decide a much higher threshold.
- Test images 10 in every class: with fewer, one image changes the sensitivity of a class by more than 0.1. An archive
  of 700 images (about 8 dermatofibromas) can therefore never pass.
- Subgroup balanced accuracy 0.60: rejects if the whole interval of an evaluable subgroup lies below. The intervals are
  simultaneous: if every subgroup of a model is at 0.60, this rejects by chance in at most one evaluation of forty. Only
  a large deficit leads to a rejection; `weak` in the report flags much smaller ones.
- Overconfidence 0.15: mean confidence minus accuracy, over the bins where it is positive. Networks of this kind that
  were never calibrated lie at 0.05 to 0.10 (Guo et al., "On Calibration of Modern Neural Networks", 2017, table 1).
- Leaked test images 0: a test image whose lesion was trained on under another id does not test the model.
- Champion losses 0.07 (balanced accuracy) and 0.10 (melanoma sensitivity): the judged value is the largest loss that
  the data do not rule out, not the observed loss. In simulations of HAM10000's size an equal challenger passes the
  first in 91 of 100 retrainings and one that is worse by 0.05 in 18; the second in 85 and 46, and in 12 if it is worse
  by 0.10. At 0.05 for both, every other equal challenger would be rejected (table in docs/decisions/0014). Melanoma
  specificity 0.10 prevents gains in sensitivity at the cost of false alarms, for example by another target
  sensitivity; on 1,780 images its interval extends about 0.02 to each side.

`demo` only requires that the training loop learned: with 140 test images random guessing has a balanced accuracy of
0.14 with a standard deviation of about 0.06, so 0.50 lies almost six deviations away, and always predicting "nv" stays
at 0.143.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class GateThresholds:
    """Lower and upper limits for a model on the test split; a value equal to its limit passes.

    All are fractions from 0 to 1, except the counts `test_images` and `leaked_test_images`. Intervals are of 95 %.

    Attributes:
        balanced_accuracy: least mean sensitivity of the classes; the predicted class is the most probable one.
        balanced_accuracy_lower: least lower end of its interval.
        melanoma_sensitivity: least share of the melanomas found at the operating point chosen on validation images.
        melanoma_sensitivity_lower: least lower end of its interval.
        melanoma_specificity: least share of all other images that are not predicted as melanoma there.
        malignant_sensitivity: least share of the malignant images whose most probable class is malignant.
        class_sensitivity: least sensitivity of the worst class.
        test_images: least number of test images of the rarest class.
        subgroup_balanced_accuracy: limit below which no evaluable subgroup may be proven to lie; 0 for no limit.
        overconfidence: largest mean excess of confidence over accuracy.
        leaked_test_images: largest number of test images whose lesion was trained on under another id.
        champion_balanced_accuracy_loss: largest possible loss of balanced accuracy against the champion.
        champion_melanoma_area_loss: likewise of the area under melanoma's ROC curve above a sensitivity of 0.80.
    """

    balanced_accuracy: float
    balanced_accuracy_lower: float
    melanoma_sensitivity: float
    melanoma_sensitivity_lower: float
    melanoma_specificity: float
    malignant_sensitivity: float
    class_sensitivity: float
    test_images: int
    subgroup_balanced_accuracy: float
    overconfidence: float
    leaked_test_images: int
    champion_balanced_accuracy_loss: float
    champion_melanoma_area_loss: float


# The pipeline parameters of the thresholds, in the order of the table of requirements.
THRESHOLD_PARAMETERS: Final = {
    "balanced_accuracy": "GateBalancedAccuracy",
    "balanced_accuracy_lower": "GateBalancedAccuracyLower",
    "melanoma_sensitivity": "GateMelanomaSensitivity",
    "melanoma_sensitivity_lower": "GateMelanomaSensitivityLower",
    "melanoma_specificity": "GateMelanomaSpecificity",
    "malignant_sensitivity": "GateMalignantSensitivity",
    "class_sensitivity": "GateClassSensitivity",
    "test_images": "GateTestImages",
    "subgroup_balanced_accuracy": "GateSubgroupBalancedAccuracy",
    "overconfidence": "GateOverconfidence",
    "leaked_test_images": "GateLeakedTestImages",
    "champion_balanced_accuracy_loss": "GateChampionBalancedAccuracyLoss",
    "champion_melanoma_area_loss": "GateChampionMelanomaAreaLoss",
}
# Upper limits; all others are lower limits.
UPPER_THRESHOLDS: Final = frozenset(
    {
        "overconfidence",
        "leaked_test_images",
        "champion_balanced_accuracy_loss",
        "champion_melanoma_area_loss",
    }
)
COUNT_THRESHOLDS: Final = frozenset({"test_images", "leaked_test_images"})

# `default` requires evidence and a model worth a clinical study; `demo` only that the training loop learned.
THRESHOLD_PROFILES: Final = {
    "default": GateThresholds(
        balanced_accuracy=0.70,
        balanced_accuracy_lower=0.62,
        melanoma_sensitivity=0.80,
        melanoma_sensitivity_lower=0.70,
        melanoma_specificity=0.70,
        malignant_sensitivity=0.70,
        class_sensitivity=0.40,
        test_images=10,
        subgroup_balanced_accuracy=0.60,
        overconfidence=0.15,
        leaked_test_images=0,
        champion_balanced_accuracy_loss=0.07,
        champion_melanoma_area_loss=0.05,
    ),
    "demo": GateThresholds(
        balanced_accuracy=0.50,
        balanced_accuracy_lower=0.40,
        melanoma_sensitivity=0.50,
        melanoma_sensitivity_lower=0.20,
        melanoma_specificity=0.40,
        malignant_sensitivity=0.50,
        class_sensitivity=0.0,
        test_images=1,
        subgroup_balanced_accuracy=0.45,
        overconfidence=0.30,
        leaked_test_images=0,
        champion_balanced_accuracy_loss=0.30,
        champion_melanoma_area_loss=0.40,
    ),
}
