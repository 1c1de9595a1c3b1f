// Asks by ARP for 192.0.2.100 … 192.0.2.199, or for the addresses given, separated by commas. One line of JSON.
// prober INTERFACE latency COUNT PAUSE_US [ADDRESSES]: one request at a time; the time of every reply in microseconds.
// prober INTERFACE rate SECONDS WINDOW [ADDRESSES]: as many as come, that many under way at once.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int fd;
static uint8_t frame[60];
static in_addr_t *targets;
static int count = 0;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void ask(in_addr_t target) {
  memcpy(frame + 38, &target, 4);
  if (send(fd, frame, sizeof frame, 0) < 0) fail("send");
}

// The address that was answered for, or 0 when nothing came in time.
static in_addr_t answer(double until) {
  uint8_t in[2048];
  for (;;) {
    ssize_t length = recv(fd, in, sizeof in, MSG_DONTWAIT);
    in_addr_t from;
    memcpy(&from, in + 28, 4);
    if (length >= 42) return from;
    double left = until - now();
    if (left <= 0) return 0;
    struct timespec wait = {(time_t)(left / 1e6), (long)(((long long)left) % 1000000 * 1000)};
    struct pollfd entry = {fd, POLLIN, 0};
    ppoll(&entry, 1, &wait, NULL);
  }
}

static void latency(int requests, int pause) {
  int lost = 0;
  printf("{\"us\":[");
  for (int i = 0, printed = 0; i < requests; i++) {
    in_addr_t target = targets[i % count];
    double start = now();
    ask(target);
    in_addr_t got;
    do got = answer(start + 1e6);
    while (got != 0 && got != target);
    if (got == 0) lost++;
    else printf(printed++ ? ",%.1f" : "%.1f", now() - start);
    if (pause) usleep((useconds_t)pause);
  }
  printf("],\"lost\":%d}\n", lost);
}

static void rate(double seconds, int window) {
  long sent = 0, received = 0;
  double start = now(), end = start + seconds * 1e6;
  while (now() < end) {
    while (sent - received < window) ask(targets[sent++ % count]);
    if (answer(now() + 1e6) == 0) break;
    received++;
  }
  double took = (now() - start) / 1e6;
  long inTime = received;
  while (received < sent && answer(now() + 5e5) != 0) received++;
  printf("{\"perSecond\":%.0f,\"lost\":%ld,\"sent\":%ld}\n", inTime / took, sent - received, sent);
}

int main(int argc, char **argv) {
  if (argc != 5 && argc != 6) return 2;
  fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) fail("socket");
  struct sock_filter code[] = {
      {0x28, 0, 0, 12}, {0x15, 0, 3, 0x0806}, {0x28, 0, 0, 20}, {0x15, 0, 1, 2}, {0x06, 0, 0, 0x40000}, {0x06, 0, 0, 0}};
  struct sock_fprog program = {6, code};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) fail("filter");
  struct ifreq request = {0};
  strncpy(request.ifr_name, argv[1], IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFHWADDR, &request) < 0) fail("interface");
  struct sockaddr_ll address = {
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = (int)if_nametoindex(argv[1])};
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  static const uint8_t head[] = {0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1};
  memset(frame, 0xff, 6);
  memcpy(frame + 6, request.ifr_hwaddr.sa_data, 6);
  memcpy(frame + 12, head, sizeof head);
  memcpy(frame + 22, request.ifr_hwaddr.sa_data, 6);
  memcpy(frame + 28, (uint8_t[]){192, 0, 2, 1}, 4);
  targets = malloc(sizeof *targets * (argc == 6 ? strlen(argv[5]) : 100));
  if (targets == NULL) fail("memory");
  if (argc == 6)
    for (char *text = strtok(argv[5], ","); text != NULL; text = strtok(NULL, ",")) targets[count++] = inet_addr(text);
  else
    for (; count < 100; count++) targets[count] = htonl(0xc0000200 + 100 + (uint32_t)count);
  if (strcmp(argv[2], "latency") == 0) latency(atoi(argv[3]), atoi(argv[4]));
  else rate(atof(argv[3]), atoi(argv[4]));
}
