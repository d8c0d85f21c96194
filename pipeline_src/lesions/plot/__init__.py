# SPDX-License-Identifier: MIT-0
"""The report's pictures: one module a kind of plot, all on `canvas`.

Colours are those of Okabe and Ito, "Color Universal Design" (2008), which stay apart for colour-blind readers; line
styles and markers tell things apart too.
"""
