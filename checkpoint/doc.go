// Package checkpoint makes consistent cuts of a job, keeps them, and gives them back.
package checkpoint
