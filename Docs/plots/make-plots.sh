#!/bin/sh
# Draws the plots of Docs/generalization.md again, into the folder of this file.
# Needs the databases in ECGMON_DATABASES, and ecgmon: in PATH, or named in ECGMON.
set -eu
here=$(dirname "$0")
ecgmon=${ECGMON:-ecgmon}

# plot FILE DATABASE RECORD FROM TO GAIN SOURCE
plot() {
    "$ecgmon" plot "$3" --database "$2" --from "$4" --to "$5" --gain "$6" --output "$here/$1.svg" \
        --caption "$7, PhysioNet, ODC-By 1.0"
}

vfdb="MIT-BIH Malignant Ventricular Ectopy Database (Greenwald 1986), doi:10.13026/C22P44"
cudb="Creighton University Ventricular Tachyarrhythmia Database (Nolle et al. 1986), doi:10.13026/C2X59M"
challenge2015="PhysioNet/CinC Challenge 2015 (Clifford et al. 2015)"
challenge2017="PhysioNet/CinC Challenge 2017 (Clifford et al. 2017)"
ludb="Lobachevsky University Database (Kalyakulina et al. 2020), doi:10.13026/eegm-h675"

plot 611-vt vfdb 611 19:53 20:03 5 "$vfdb"
plot 614-polymorphic-vt vfdb 614 23:41 23:51 5 "$vfdb"
plot 418-flutter vfdb 418 6:36 6:46 10 "$vfdb"
plot 430-vf-to-asystole vfdb 430 8:38 8:50 10 "$vfdb"
plot cu01-vf cudb cu01 3:32 3:42 10 "$cudb"
plot cu31-agonal cudb cu31 8:05 8:15 5 "$cudb"
plot a306s-false-asystole challenge2015 a306s 4:49 4:59 5 "$challenge2015"
plot v359l-false-vt challenge2015 v359l 4:52 5:02 10 "$challenge2015"
plot A00253-af challenge2017 A00253 0:10 0:20 10 "$challenge2017"
plot ludb8-paced ludb ludb8 0 10 20 "$ludb"
