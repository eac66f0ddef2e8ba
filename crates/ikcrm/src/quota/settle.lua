-- Tells what became of a slot of the window KEYS[1], or blocks it; see take.lua.
--
-- ARGV: the slot's id, its fate (or `blocked`), a time: for how long its call may be counted elsewhere,
-- or how long the block is
local LATE, LONGEST_BLOCK = 10e6, 600e6
local key, id, fate, open = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
if fate == 'unsent' then
  return redis.call('HDEL', key, id)
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if fate == 'blocked' then
  local longest = LONGEST_BLOCK
  for _, name in ipairs(redis.call('HKEYS', key)) do
    longest = math.max(longest, 6 * tonumber(name:match('^limit:%d+:(%d+)$') or 0))
  end
  local until_then = math.max(now + math.min(open, longest), tonumber(redis.call('HGET', key, fate) or 0))
  redis.call('HSET', key, fate, string.format('%.0f', until_then))
else
  if fate == 'unknown' then
    local since, left = (redis.call('HGET', key, id) or ''):match('^(%d+):(%d+):')
    open = math.max(LATE, (since or now) + (left or 0) - now - LATE)
  end
  local flying = fate == 'elsewhere' and '1' or '0'
  redis.call('HSET', key, id, string.format('%.0f:%.0f:%s', now, open, flying))
end
redis.call('PEXPIRE', key, 86400000)
