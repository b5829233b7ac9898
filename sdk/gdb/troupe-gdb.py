# SPDX-License-Identifier: Apache-2.0
#
# gdb: suspended coroutines of a Troupe process, live or from a core file.
#
#   (gdb) source troupe-gdb.py
#   (gdb) co list            every coroutine with owner, turn, state and stack
#   (gdb) co bt 3            the stack of coroutine 3 of that list
#   (gdb) co bt all
#
# Nothing is written to registers, so it works on core files, too: for the time of one `bt` a custom
# unwinder pretends that the innermost frame was called from the saved context. What lies at a saved
# stack pointer is laid out by core/loop/switch.S.
#
# Core files are to be the kernel's (or systemd-coredump's): gdb 13's own generate-core-file leaves out
# every mapping in which it meets a guard page, and so all stacks.
"""Commands for Troupe's coroutines."""

import gdb
import gdb.unwinder


def word(address):
    """The unsigned 64-bit word at an address."""
    kind = gdb.lookup_type("unsigned long")
    return int(gdb.Value(address).cast(kind.pointer()).dereference())


def saved_registers(sp):
    """Registers of a suspended coroutine: (names to values, name of sp, name of pc)."""
    arch = gdb.selected_inferior().architecture().name()
    if arch.startswith("i386:x86-64"):
        names = ["r15", "r14", "r13", "r12", "rbx", "rbp", "rip"]
        values = {name: word(sp + 8 + 8 * i) for i, name in enumerate(names)}
        values["rsp"] = sp + 64
        return values, "rsp", "rip"
    if arch.startswith("aarch64"):
        values = {"x%d" % (19 + i): word(sp + 8 * i) for i in range(12)}
        values["pc"] = values["x30"]
        values["sp"] = sp + 176
        return values, "sp", "pc"
    raise gdb.GdbError("co: no stack layout known for architecture %s" % arch)


class FrameId:
    """What gdb wants as the identity of the pretended frame."""

    def __init__(self, sp, pc):
        self.sp = sp
        self.pc = pc


class SavedContext(gdb.unwinder.Unwinder):
    """While armed, unwinds the innermost frame to a saved context; otherwise does nothing."""

    def __init__(self):
        super().__init__("troupe-coroutine")
        self.sp = None

    def arm(self, sp):
        self.sp = sp
        gdb.invalidate_cached_frames()

    def disarm(self):
        self.sp = None
        gdb.invalidate_cached_frames()

    def __call__(self, pending_frame):
        if self.sp is None:
            return None
        values, sp_name, pc_name = saved_registers(self.sp)
        kind = gdb.lookup_type("unsigned long")
        self.sp = None  # the innermost frame only
        info = pending_frame.create_unwind_info(
            FrameId(gdb.Value(values[sp_name] - 8), gdb.Value(values[pc_name])))
        for name, value in values.items():
            info.add_saved_register(name, gdb.Value(value).cast(kind))
        return info


UNWINDER = SavedContext()
gdb.unwinder.register_unwinder(None, UNWINDER, True)


def loop_of_selected_thread():
    """The thread's loop from its thread-local, or from the frame of loop_run."""
    for symbol in gdb.lookup_static_symbols("loop_of_thread"):
        try:
            value = symbol.value()
            if int(value):
                return value
        except gdb.error:
            pass  # no thread library for this target: the frames know it, too
    frame = gdb.newest_frame()
    while frame is not None:
        if frame.name() in ("loop_run", "loop_step"):
            try:
                value = frame.read_var("loop")
                if not value.is_optimized_out and int(value):
                    return value
            except (ValueError, gdb.error):
                pass
        frame = frame.older()
    return None


def loops():
    """(thread, loop) of every thread that has one."""
    selected = gdb.selected_thread()
    frame = gdb.selected_frame() if selected else None
    found = []
    try:
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            loop = loop_of_selected_thread()
            if loop is not None:
                found.append((thread, loop))
    finally:
        if selected:
            selected.switch()
            frame.select()
    if not found:
        raise gdb.GdbError("co: no thread of this process has a loop (or there are no symbols)")
    return found


def coroutines():
    """(thread, struct co) of every coroutine that is not in the pool."""
    for thread, loop in loops():
        slab = loop["stacks"]["slabs"]
        while int(slab):
            for i in range(int(slab["carved"])):
                co = slab["cos"][i]
                if not str(co["state"]).endswith("CO_FREE"):
                    yield thread, co
            slab = slab["next"]


def describe(number, thread, co):
    """One line for a coroutine."""
    fiber = co["fiber"]
    top = int(fiber["stack"]) + int(fiber["stack_size"])
    state = str(co["state"]).rsplit("CO_", 1)[-1].lower()
    try:
        depth = "%d bytes deep" % (top - int(fiber["context"]["sp"]))
    except gdb.error:
        depth = "built with ucontext"
    if state == "running":
        depth = "in thread %d" % thread.num
    return "%d  %s turn %d  %s, %s, stack %#x-%#x" % (
        number, co["owner"]["name"].string(), int(co["owner"]["turn"]), state, depth,
        int(fiber["stack"]), top)


def backtrace(thread, co):
    """Prints the frames of a suspended coroutine."""
    if str(co["state"]).endswith("CO_RUNNING"):
        print("    it runs in thread %d: use bt there" % thread.num)
        return
    if not int(co["entered"]):
        print("    it has not begun")
        return
    try:
        sp = int(co["fiber"]["context"]["sp"])
    except gdb.error:
        raise gdb.GdbError("co: this build switches by ucontext, whose frames cannot be read")
    thread.switch()
    UNWINDER.arm(sp)
    try:
        text = gdb.execute("bt", to_string=True)
    finally:
        UNWINDER.disarm()
    # The first frame is the thread's own; fiber_switch comes next.
    print("\n".join("    " + line for line in text.split("\n")[1:] if line))


class Co(gdb.Command):
    """co list | co bt NUMBER | co bt all: the coroutines of a Troupe process."""

    def __init__(self):
        super().__init__("co", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = argument.split()
        if words == ["list"]:
            wanted = None
        elif len(words) == 2 and words[0] == "bt":
            wanted = words[1]
        else:
            raise gdb.GdbError("usage: co list | co bt NUMBER | co bt all")
        selected = gdb.selected_thread()
        shown = 0
        try:
            for number, (thread, co) in enumerate(list(coroutines())):
                if wanted not in (None, "all", str(number)):
                    continue
                print(describe(number, thread, co))
                shown += 1
                if wanted is not None:
                    backtrace(thread, co)
        finally:
            if selected:
                selected.switch()
        if not shown:
            print("no coroutines" if wanted in (None, "all") else "no coroutine %s" % wanted)


Co()
