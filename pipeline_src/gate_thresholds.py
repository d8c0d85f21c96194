# SPDX-License-Identifier: MIT-0
"""What the gate asks of a model, and why that much. Standard library only.

Where the values of `default` come from (HAM10000 has 10,015 images; a fifth of its lesions is the test split):

- Balanced accuracy 0.70. Always answering "nv" reaches 0.143 (one class of seven) while its plain accuracy is
  0.669, which is why no plain accuracy is asked for. Published ResNet-18 figures on lesion-disjoint splits lie
  at 0.60 to 0.78, the best entry of ISIC 2018 Task 3 at 0.885 (https://challenge.isic-archive.com/leaderboards/2018/):
  0.70 asks for the better half of what this network can do. On such a test set (simulated: 2,003 images of 1,495
  lesions, of which 15 dermatofibromas) its interval reaches about 0.065 down and 0.045 up, so that 0.62 for the lower
  end only sends back a model whose figure rests on fewer lesions than that.
- Melanoma sensitivity 0.80 at the operating point that is chosen on validation images for 0.85: five points of room
  for chance. With about 165 validation and 220 test melanomas the two shares differ with a standard deviation of
  0.037 (binomial), so that one honest model in eleven is still sent back; a lower floor would let worse ones through.
  Lower end 0.70: what 0.80 has on the 123 lesions that 220 images show in that simulation (0.07), and a little less.
- Melanoma specificity 0.60 at the same point. Any sensitivity can be had by calling everything melanoma; published
  networks of this kind have an area of 0.85 to 0.92 for melanoma and call 20 to 35 % of the others so at 0.85.
- Malignant sensitivity 0.70: of melanomas, basal cell and actinic carcinomas, the share that is not taken for benign
  by the most probable class alone. Taking one malignancy for another counts as found here.
- Class sensitivity 0.40: no diagnosis may be given up for the others' sake. The rarest has about 23 test images, a
  standard error of 0.10 at 0.40; a floor much higher would be decided by luck.
- Test images 10 in every class: below that a class's sensitivity moves by more than 0.1 with one image, and
  its floor says nothing. An archive of 700 images (about 8 dermatofibromas) can therefore never pass.
- Subgroup balanced accuracy 0.60: no evaluable subgroup may be proven worse, that is, with the whole of its interval.
  As the intervals are simultaneous, all subgroups of a model that is at 0.60 in each fail this by chance in one
  evaluation of forty at most. A group must be far off to be stopped by it; `weak` in the report flags it long before.
- Overconfidence 0.15: by how much confidence exceeds accuracy on average. Networks of this kind that were never
  calibrated lie at 0.05 to 0.10 (Guo et al., "On Calibration of Modern Neural Networks", 2017, table 1).
- Leaked test images 0: a test image whose lesion was trained on, under another id, is no test.
- Champion losses 0.07 (balanced accuracy) and 0.10 (melanoma sensitivity): the loss that the data cannot rule out is
  judged, not the loss that was seen. In simulations of HAM10000's size an equal challenger passes the first in 91 of
  100 retrainings and one that is worse by 0.05 in 18; the second in 85 and 46, and in 12 if it is worse by 0.10. At
  0.05 for both, every other equal challenger would be sent back (table in docs/decisions/0014). Melanoma specificity
  0.10 keeps a challenger from buying sensitivity with false alarms, by another target for example; on 1,780 images
  its interval is about 0.02 wide to each side.

`demo` asks only that the loop learned: with 140 test images a guesser's balanced accuracy is 0.14 with a standard
deviation of about 0.06, so 0.50 lies almost six deviations away, and "nv" for everything stays at 0.143.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class GateThresholds:
    """What a model must reach on the test split, or at most show; exactly at the value passes.

    All are fractions from 0 to 1 but `test_images` and `leaked_test_images`, which are counts. Intervals are of 95 %.

    Attributes:
        balanced_accuracy: least mean sensitivity of the classes, each image going to its most probable class.
        balanced_accuracy_lower: least lower end of its interval.
        melanoma_sensitivity: least share of the melanomas found at the operating point chosen on validation images.
        melanoma_sensitivity_lower: least lower end of its interval.
        melanoma_specificity: least share of all other images that are not called melanoma there.
        malignant_sensitivity: least share of the malignant images whose most probable class is malignant.
        class_sensitivity: least sensitivity of the worst class.
        test_images: least number of test images of the class that has fewest.
        subgroup_balanced_accuracy: what no evaluable subgroup may be proven to lie below; 0 asks for none.
        overconfidence: largest mean excess of confidence over accuracy.
        leaked_test_images: largest number of test images whose lesion was trained on under another id.
        champion_balanced_accuracy_loss: largest loss of balanced accuracy against the champion that may be possible.
        champion_melanoma_sensitivity_loss: the same of melanoma sensitivity, each model at its operating point.
        champion_melanoma_specificity_loss: the same of melanoma specificity there.
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
    champion_melanoma_sensitivity_loss: float
    champion_melanoma_specificity_loss: float


# Names under which the pipeline takes them as parameters, in the order of the table of requirements.
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
    "champion_melanoma_sensitivity_loss": "GateChampionMelanomaSensitivityLoss",
    "champion_melanoma_specificity_loss": "GateChampionMelanomaSpecificityLoss",
}
# Those that a model must not exceed; it must reach all others.
UPPER_THRESHOLDS: Final = frozenset(
    {
        "overconfidence",
        "leaked_test_images",
        "champion_balanced_accuracy_loss",
        "champion_melanoma_sensitivity_loss",
        "champion_melanoma_specificity_loss",
    }
)
COUNT_THRESHOLDS: Final = frozenset({"test_images", "leaked_test_images"})

# `default` asks for evidence and for a model worth a clinician's study; `demo` only that the loop learned.
THRESHOLD_PROFILES: Final = {
    "default": GateThresholds(
        balanced_accuracy=0.70,
        balanced_accuracy_lower=0.62,
        melanoma_sensitivity=0.80,
        melanoma_sensitivity_lower=0.70,
        melanoma_specificity=0.60,
        malignant_sensitivity=0.70,
        class_sensitivity=0.40,
        test_images=10,
        subgroup_balanced_accuracy=0.60,
        overconfidence=0.15,
        leaked_test_images=0,
        champion_balanced_accuracy_loss=0.07,
        champion_melanoma_sensitivity_loss=0.10,
        champion_melanoma_specificity_loss=0.10,
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
        champion_melanoma_sensitivity_loss=0.40,
        champion_melanoma_specificity_loss=0.30,
    ),
}
