// Package media keeps the bytes of uploads: it names files, detects what they are, makes the smaller sizes of
// pictures, and stores all that in a folder. It decides no permission and knows no post.
package media
