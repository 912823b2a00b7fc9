// Mercurius requires @fastify/static for its GraphiQL page. That requires an ES module, which Jest cannot do before
// Node 24.9, and no test asks for the page.
module.exports = () => {
  throw new Error('No static files in tests.');
};
