# Takes floating point out of musl's vfprintf.c: %e, %f, %g and %a are then conversions that do not
# exist, and end in EINVAL. Each command has to find what it looks for (Makefile).
/^static int fmt_fp(/,/^}/d
/^[[:space:]]*S('e') = L*DBL,/d
/^[[:space:]]*S('E') = L*DBL,/d
/^[[:space:]]*long double f;/d
/^[[:space:]]*break; case L*DBL:/d
/^[[:space:]]*case 'e': case 'f':/,/^[[:space:]]*continue;/d
/#include <math.h>/d
