import { html, type Html } from '../pages/html.js';
import { Page } from '../pages/page.js';
import { timeAgo } from '../pages/time-ago.js';
import type { Comment, Post } from './post.entity.js';
import type { Author } from './posts.service.js';

type WithVisitor<T> = T & { visitor: string | undefined };

export function homePage({ posts, visits, visitor }: WithVisitor<{ posts: Post[]; visits: number }>): Page {
  const last = posts.at(-1);
  return new Page(
    'Guestbook',
    html`${entryForm({ action: '/posts', label: 'Write in the guestbook', button: 'Post', visitor })}
      <div class="tools">
        ${searchForm('')}
        <p class="visits">
          Visits counted: ${visits} · <a href="/visit" rel="nofollow">count mine</a> ·
          <a href="/authors">authors</a>
        </p>
      </div>
      ${posts.length === 0 && html`<p class="empty">Nobody has written anything yet. Be the first!</p>`}
      ${posts.map(postCard)}
      ${last !== undefined && last.id > 1 && html`<p class="more"><a href="/?before=${last.id}">Older</a></p>`}`,
  );
}

export function postPage(post: Post, visitor: string | undefined): Page {
  const action = `/posts/${post.id}/comments`;
  return new Page(
    `${post.author} wrote`,
    html`<p class="back"><a href="/">← All posts</a></p>
      ${postCard(post)} ${entryForm({ action, label: 'Comment on this', button: 'Comment', visitor })}`,
  );
}

export function searchPage({ text, posts, visitor }: WithVisitor<{ text: string; posts: Post[] }>): Page {
  return new Page(
    `Search: ${text}`,
    html`<p class="back"><a href="/">← All posts</a></p>
      <div class="tools">${searchForm(text)}</div>
      <p class="hint">
        ${posts.length} found. A search always reads a replica, so it may miss what
        ${visitor === undefined ? 'was' : 'you have'} written a moment ago.
      </p>
      ${posts.map(postCard)}`,
  );
}

export function authorsPage(authors: readonly Author[]): Page {
  return new Page(
    'Authors',
    html`<p class="back"><a href="/">← All posts</a></p>
      <p class="hint">
        Replicas serve this page while they are known to be no more than three seconds behind.
      </p>
      <ol class="card">
        ${authors.map(({ author, posts }) => html`<li><strong>${author}</strong>: ${posts}</li>`)}
      </ol>`,
  );
}

function postCard(post: Post): Html {
  return html`<article class="card post" id="post-${post.id}">
    ${byline(post)}
    <p class="text">${post.text}</p>
    ${post.comments.map(commentItem)}
    <p class="reply"><a href="/posts/${post.id}">Comment</a></p>
  </article>`;
}

function commentItem(comment: Comment): Html {
  return html`<div class="comment" id="comment-${comment.id}">
    ${byline(comment)}
    <p class="text">${comment.text}</p>
  </div>`;
}

function byline({ author, createdAt }: Pick<Post, 'author' | 'createdAt'>): Html {
  return html`<p class="byline">
    <strong>${author}</strong>
    <time datetime="${createdAt.toISOString()}">${timeAgo(createdAt, Date.now())}</time>
  </p>`;
}

function searchForm(text: string): Html {
  return html`<form class="search" method="post" action="/search" role="search">
    <input
      type="search"
      name="text"
      value="${text}"
      required
      maxlength="500"
      aria-label="Search the posts"
      placeholder="Search"
    />
    <button>Search</button>
  </form>`;
}

type EntryForm = WithVisitor<{ action: string; label: string; button: string }>;

function entryForm({ action, label, button, visitor }: EntryForm): Html {
  if (visitor === undefined)
    return html`<p class="card hint">Sign in above to write. A name is all it takes.</p>`;
  return html`<form class="card entry" method="post" action="${action}">
    <label for="text">${label}</label>
    <textarea id="text" name="text" rows="3" required maxlength="500"></textarea>
    <button>${button}</button>
  </form>`;
}
