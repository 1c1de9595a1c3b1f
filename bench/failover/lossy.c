// Loses a share of the ARP and neighbour discovery frames that reach an interface, at random, before any socket and the
// kernel itself see them: an XDP program, for kernels without netem. Usage: lossy INTERFACE PERCENT. Says "ready", runs
// until its input ends, and then says how many frames of that kind it saw and how many it lost.
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long bpf(int command, union bpf_attr *attributes) {
  return syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static void fail(const char *what) {
  fprintf(stderr, "lossy: %s: %s\n", what, strerror(errno));
  exit(1);
}

#define INSN(c, d, s, o, i) ((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})
#define LOAD(size, d, s, o) INSN(BPF_LDX | BPF_MEM | (size), d, s, o, 0)
#define MOVE(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define SET(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ADD(d, i) INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define IF(op, d, i, o) INSN(BPF_JMP | (op) | BPF_K, d, 0, o, i)
#define CALL(f) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)

enum { SEEN, LOST };

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  unsigned index = if_nametoindex(argv[1]);
  if (index == 0) fail(argv[1]);
  double percent = atof(argv[2]);
  uint32_t threshold = (uint32_t)(percent / 100 * 0x7fffffff);

  union bpf_attr map = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 2};
  int counts = (int)bpf(BPF_MAP_CREATE, &map);
  if (counts < 0) fail("map");

  struct bpf_insn code[] = {
      /*  0 */ LOAD(BPF_W, 2, 1, 0),                  // data
      /*  1 */ LOAD(BPF_W, 3, 1, 4),                  // data_end
      /*  2 */ MOVE(4, 2),
      /*  3 */ ADD(4, 55),
      /*  4 */ SET(6, 0),                             // 1: a frame of the kind that may be lost
      /*  5 */ MOVE(5, 2),
      /*  6 */ ADD(5, 14),
      /*  7 */ INSN(BPF_JMP | BPF_JGT | BPF_X, 5, 3, 32, 0),  // shorter than a header: pass (40)
      /*  8 */ LOAD(BPF_H, 5, 2, 12),
      /*  9 */ IF(BPF_JEQ, 5, 0x0608, 6),             // ARP, as a little-endian machine reads it (16)
      /* 10 */ IF(BPF_JNE, 5, 0xdd86, 29),            // neither IPv6 (40)
      /* 11 */ INSN(BPF_JMP | BPF_JGT | BPF_X, 4, 3, 28, 0),  // (40)
      /* 12 */ LOAD(BPF_B, 5, 2, 20),
      /* 13 */ IF(BPF_JNE, 5, 58, 26),                // not ICMPv6 (40)
      /* 14 */ LOAD(BPF_B, 5, 2, 54),
      /* 15 */ IF(BPF_JLT, 5, 135, 24),               // (40)
      /* 16 */ SET(6, 1),
      /* 17 */ INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, SEEN),
      /* 18 */ MOVE(2, 10),
      /* 19 */ ADD(2, -4),
      /* 20 */ INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, counts),
      /* 21 */ INSN(0, 0, 0, 0, 0),
      /* 22 */ CALL(BPF_FUNC_map_lookup_elem),
      /* 23 */ IF(BPF_JEQ, 0, 0, 16),                 // (40)
      /* 24 */ SET(1, 1),
      /* 25 */ INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD),
      /* 26 */ CALL(BPF_FUNC_get_prandom_u32),
      /* 27 */ INSN(BPF_ALU64 | BPF_AND | BPF_K, 0, 0, 0, 0x7fffffff),
      /* 28 */ IF(BPF_JGE, 0, (int32_t)threshold, 11),  // (40)
      /* 29 */ INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, LOST),
      /* 30 */ MOVE(2, 10),
      /* 31 */ ADD(2, -4),
      /* 32 */ INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, counts),
      /* 33 */ INSN(0, 0, 0, 0, 0),
      /* 34 */ CALL(BPF_FUNC_map_lookup_elem),
      /* 35 */ IF(BPF_JEQ, 0, 0, 2),                  // (38)
      /* 36 */ SET(1, 1),
      /* 37 */ INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD),
      /* 38 */ SET(0, XDP_DROP),
      /* 39 */ INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
      /* 40 */ SET(0, XDP_PASS),
      /* 41 */ INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
  };
  char log[65536] = "";
  union bpf_attr load = {.prog_type = BPF_PROG_TYPE_XDP,
                         .insns = (uintptr_t)code,
                         .insn_cnt = sizeof code / sizeof *code,
                         .license = (uintptr_t) "GPL",
                         .log_buf = (uintptr_t)log,
                         .log_size = sizeof log,
                         .log_level = 1};
  int program = (int)bpf(BPF_PROG_LOAD, &load);
  if (program < 0) {
    fputs(log, stderr);
    fail("program");
  }
  union bpf_attr attach = {0};
  attach.link_create.prog_fd = program;
  attach.link_create.target_ifindex = index;
  attach.link_create.attach_type = BPF_XDP;
  attach.link_create.flags = XDP_FLAGS_SKB_MODE;
  if (bpf(BPF_LINK_CREATE, &attach) < 0) fail("attach");

  puts("ready");
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0)
    ;
  uint64_t values[2] = {0};
  for (uint32_t key = 0; key < 2; key++) {
    union bpf_attr get = {.map_fd = counts, .key = (uintptr_t)&key, .value = (uintptr_t)&values[key]};
    if (bpf(BPF_MAP_LOOKUP_ELEM, &get) < 0) fail("count");
  }
  printf("%llu %llu\n", (unsigned long long)values[SEEN], (unsigned long long)values[LOST]);
  return 0;
}
