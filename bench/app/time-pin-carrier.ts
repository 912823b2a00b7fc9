import type { Carrier } from 'nestjs-replicated';

const COOKIE = 'pinned';

/** How long django_replicated and makara pin a client to the primary after a write. */
export const PIN_SECONDS = 5;

/** A cookie that lives for five seconds; while it is there, the client reads the primary. */
export const timePinCarrier: Carrier = {
  name: 'time-pin',
  read({ request }) {
    const cookies = String(request.headers['cookie'] ?? '');
    const text = /(?:^|; )pinned=([\w.-]+)/.exec(cookies)?.[1];
    return text === undefined ? [] : [text];
  },
  send({ response }, { text }) {
    response.setHeader('Set-Cookie', [`${COOKIE}=${text}; Max-Age=${PIN_SECONDS}; Path=/; HttpOnly`]);
  },
};
