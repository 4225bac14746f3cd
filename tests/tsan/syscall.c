/*
 * Part of every program of MODE=tsan. libuv closes descriptors by syscall(), which the thread sanitizer does not watch: the next
 * thread that is given the same number is then said to race with the one that had it. Here such a close is one that it sees.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

long syscall(long number, ...)
{
	long arg[6];
	va_list args;
	va_start(args, number);
	for (int i = 0; i < 6; i++)
		arg[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_close)
		return close((int)arg[0]);
	long (*real)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	return real(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}
