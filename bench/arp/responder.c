// The yardstick: the least that a program can do to answer ARP requests for 192.0.2.100 … 192.0.2.199 on one interface.
// Usage: responder INTERFACE. Says "ready" and runs until it is killed.
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(const char *what) {
  perror(what);
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) fail("socket");
  struct sock_filter code[] = {
      {0x28, 0, 0, 12}, {0x15, 0, 3, 0x0806}, {0x28, 0, 0, 20}, {0x15, 0, 1, 1}, {0x06, 0, 0, 0x40000}, {0x06, 0, 0, 0}};
  struct sock_fprog program = {6, code};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) fail("filter");
  struct ifreq request = {0};
  strncpy(request.ifr_name, argv[1], IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFHWADDR, &request) < 0) fail("interface");
  uint8_t mac[6];
  memcpy(mac, request.ifr_hwaddr.sa_data, 6);
  struct sockaddr_ll address = {
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = (int)if_nametoindex(argv[1])};
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  puts("ready");
  fflush(stdout);
  uint8_t in[2048], out[60] = {0};
  for (;;) {
    ssize_t length = recv(fd, in, sizeof in, 0);
    if (length < 42 || in[38] != 192 || in[39] != 0 || in[40] != 2 || in[41] < 100 || in[41] > 199) continue;
    memcpy(out, in + 22, 6);
    memcpy(out + 6, mac, 6);
    memcpy(out + 12, in + 12, 9);
    out[21] = 2;
    memcpy(out + 22, mac, 6);
    memcpy(out + 28, in + 38, 4);
    memcpy(out + 32, in + 22, 10);
    send(fd, out, sizeof out, 0);
  }
}
