#pragma once
// Of the GNU C library; Swift's Glibc module leaves it out.
#include <malloc.h>
