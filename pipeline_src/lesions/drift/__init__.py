# SPDX-License-Identifier: MIT-0
"""Drift: what production sends, compared with what the model was tested on.

`capture` reads what the endpoint captured, `feature` measures a picture and an answer, `window` keeps what a period
sent, `baseline` is the same of the held-out images, `check` compares the two, `truth` joins labels that come late, and
`monitor` puts them together.

Error tree: `capture.CaptureError` is a captured line that cannot be used; it is counted, never fatal.
`lesions.error.BadInputError` is the job's own input (no baseline, a table of labels without columns) and ends the job.
"""
