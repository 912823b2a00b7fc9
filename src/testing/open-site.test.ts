import { describe, expect, it } from '@jest/globals';
import { openSite } from './open-site.js';

describe('where a cluster runs', () => {
  it('refuses a way that does not exist, with the ones that do', async () => {
    await expect(openSite({ via: 'kubernetes' as never })).rejects.toMatchObject({
      code: 'ERR_TESTING_BAD_OPTION',
      message: expect.stringContaining("'processes' or 'testcontainers', got 'kubernetes'"),
    });
  });
});
