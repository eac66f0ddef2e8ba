-- Tells what became of a slot of the window KEYS[1], or blocks it; see take.lua.
--
-- ARGV: the field (an id, or `blocked`), the time until it is free (-1: at once)
local field, left = ARGV[1], tonumber(ARGV[2])
if left < 0 then
  return redis.call('HDEL', KEYS[1], field)
end
local time = redis.call('TIME')
local at = time[1] * 1000000 + time[2] + left
if field == 'blocked' then
  at = math.max(at, tonumber(redis.call('HGET', KEYS[1], field) or 0))
end
redis.call('HSET', KEYS[1], field, string.format('%.0f', at))
local milliseconds = math.ceil(left / 1000)
if redis.call('PTTL', KEYS[1]) < milliseconds then
  redis.call('PEXPIRE', KEYS[1], milliseconds)
end
