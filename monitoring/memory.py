"""How the memory of a process that learns is handed out.

Arrays of some megabytes come and go all the time there.  By default glibc gives each back to the
kernel at once, and fetching the pages anew takes longer than the arithmetic: rolling means of
100,000 matches 53 ms, with freed memory kept 24 ms.  What reads files keeps the default: there
the heap would go to pieces, and the process grow with the file.
"""

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # their numbers in glibc's malloc.h
LARGEST_FROM_THE_HEAP = 32 * 2**20  # bytes; glibc takes no more
KEPT = 64 * 2**20  # bytes free at the heap's end, above which they are given back
#: The same for a program that is started: what its allocator reads before anything else.
ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": str(LARGEST_FROM_THE_HEAP),
    "MALLOC_TRIM_THRESHOLD_": str(KEPT),
}


def keep_what_is_freed() -> bool:
    """Let the allocator keep some freed memory; tell whether this one could be told so.

    The allocator's own environment variables (``MALLOC_TRIM_THRESHOLD_``) are overruled.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False  # another allocator: musl, macOS
    told = (mallopt(MMAP_THRESHOLD, LARGEST_FROM_THE_HEAP), mallopt(TRIM_THRESHOLD, KEPT))
    return all(told)
