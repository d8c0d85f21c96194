# SPDX-License-Identifier: MIT-0
"""The additional archive: what production was asked and people have confirmed since, to learn from.

`harvest` finds the labelled pictures among the captured requests, `earlier` takes in those of an earlier additional
archive, as captures expire, `selection` decides which have one label, `packing` writes them in the layout of the
dataset's own archive, and `export` puts them together. The same captures, labels and earlier archive give the same
bytes. What is known of an image is its bytes and its label: each counts as a lesion of its own.
"""
