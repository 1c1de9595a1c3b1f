/**
 * Runs in Redis, so that what it reads and writes is one step. For each address two keys: a hash of the living claims
 * by node, `epoch:since:renewed:MACs`, and the counter of epochs. An argument for each address says what is wanted: 0 a
 * new claim, above 0 one that had that epoch before, -1 only to look, -2 to release.
 *
 * A claim that is renewed keeps its epoch and its beginning. One that was not for half its life, as of a node that stood
 * still, keeps its epoch and begins anew: whoever has taken the address since has a higher one. A counter that was lost goes on from what the nodes remember.
 */
export const script = `
local node, macs, ttl, counterTtl = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function read(text)
  local epoch, since, renewed, by = string.match(text, '^(%d+):(%d+):(%d+):(.*)$')
  if not epoch then return nil end
  return { tonumber(epoch), tonumber(since), tonumber(renewed), by }
end
local out = {}
for i = 1, #KEYS, 2 do
  local claims, counter, want = KEYS[i], KEYS[i + 1], tonumber(ARGV[4 + (i + 1) / 2])
  local own, others = false, {}
  local all = redis.call('HGETALL', claims)
  for j = 1, #all, 2 do
    local claim = read(all[j + 1])
    if not claim or claim[3] + ttl < now then
      redis.call('HDEL', claims, all[j])
    elseif all[j] == node then
      own = claim
    elseif #others < 8 then
      others[#others + 1] = { all[j], claim[1], claim[2], claim[3], claim[4] }
    end
  end
  if want == -2 then
    redis.call('HDEL', claims, node)
    own = false
  elseif want >= 0 then
    local counted = tonumber(redis.call('GET', counter) or '0') or 0
    local epoch = want
    if own and own[1] > epoch then epoch = own[1] end
    if epoch == 0 then epoch = counted + 1 end
    if epoch > counted then counted = epoch end
    redis.call('SET', counter, string.format('%.0f', counted), 'PX', counterTtl)
    local since = own and now - own[3] <= ttl / 2 and own[2] or now
    redis.call('HSET', claims, node, string.format('%.0f:%.0f:%.0f:', epoch, since, now) .. macs)
    redis.call('PEXPIRE', claims, ttl * 2)
    own = { epoch, since, now, macs }
  end
  out[#out + 1] = { own and { node, own[1], own[2], own[3], own[4] } or {}, others }
end
return out
`
